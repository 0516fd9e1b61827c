// SPDX-License-Identifier: Apache-2.0
// Names with gaps in them, as a shell has them. Only what an administrator has typed is a pattern; all else is data.

/**
 * Whether the whole of `text` is as `pattern` says, in which `*` stands for any characters and `?` for one. Each piece between two
 * stars is looked for once, from where the one before ended, since the leftmost place leaves most to the others: a node may
 * have given its containers names that make this slow, and the leader does it for a thousand of them at a time.
 */
export function globMatches(pattern: string, text: string): boolean {
  const star = pattern.indexOf('*');
  // Of many patterns, most end here, before they are taken apart.
  const begins = star <= 0 || isAt(pattern.slice(0, star), text, 0);
  return begins && globMatcher(pattern)(text);
}

/** `globMatches` of one pattern, for many texts: taking a pattern apart costs more than holding a text against it. */
export function globMatcher(pattern: string): (text: string) => boolean {
  const [first = '', ...others] = pattern.split('*');
  const last = others.pop();
  return last === undefined
    ? (text) => text.length === first.length && isAt(first, text, 0)
    : (text) => isAt(first, text, 0) && restMatches(text, first.length, others, last);
}

/** Whether `text` from `begin` on is as a pattern says that goes on with a star. */
function restMatches(text: string, begin: number, between: readonly string[], last: string): boolean {
  const end = text.length - last.length;
  let from = begin;
  if (from > end || !isAt(last, text, end)) {
    return false;
  }
  for (const piece of between) {
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
