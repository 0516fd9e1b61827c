// SPDX-License-Identifier: Apache-2.0
// Names with gaps in them, as a shell has them. Only what an administrator has typed is a pattern; all else is data.

/**
 * Whether the whole of `text` is as `pattern` says, in which `*` stands for any characters and `?` for one. Each piece between two
 * stars is looked for once, from where the one before ended, since the leftmost place leaves most to the others: a node may
 * have given its containers names that make this slow, and the leader does it for a thousand of them at a time.
 */
export function globMatches(pattern: string, text: string): boolean {
  const star = pattern.indexOf('*');
  if (star === -1) {
    return text.length === pattern.length && isAt(pattern, text, 0);
  }
  // Of many patterns, most end here.
  if (!isAt(pattern.slice(0, star), text, 0)) {
    return false;
  }
  const others = pattern.slice(star + 1).split('*');
  const last = others.pop() ?? '';
  const end = text.length - last.length;
  let from = star;
  if (from > end || !isAt(last, text, end)) {
    return false;
  }
  for (const piece of others) {
    const at = indexOf(piece, text, from);
    if (at === undefined) {
      return false;
    }
    from = at + piece.length;
  }
  return from <= end;
}

/** The first place of `piece`, which has no star, from `from` on. */
function indexOf(piece: string, text: string, from: number): number | undefined {
  if (!piece.includes('?')) {
    const at = text.indexOf(piece, from);
    return at === -1 ? undefined : at;
  }
  for (let at = from; at + piece.length <= text.length; at += 1) {
    if (isAt(piece, text, at)) {
      return at;
    }
  }
  return undefined;
}

function isAt(piece: string, text: string, at: number): boolean {
  if (!piece.includes('?')) {
    return text.startsWith(piece, at);
  }
  for (let place = 0; place < piece.length; place += 1) {
    if (piece[place] !== '?' && piece[place] !== text[at + place]) {
      return false;
    }
  }
  return true;
}
