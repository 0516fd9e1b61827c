// SPDX-License-Identifier: Apache-2.0
// Whether a grant is for a container. See `GrantObject` for what its fields mean.
import type { GrantObject } from '../membership/index.ts';
import type { ContainerFact } from './protocol.ts';

/** All that the grant names must hold. Which node it is, the caller has seen to. */
export function grantMatches(grant: GrantObject, container: ContainerFact): boolean {
  return (
    (grant.container === '' || globMatches(grant.container, container.name)) &&
    (grant.image === '' || imageMatches(grant.image, container)) &&
    Object.entries(grant.labels).every(([key, value]) => labelMatches(key, value, container))
  );
}

/**
 * Whether the whole of `text` is as `pattern` says, in which `*` stands for any characters and `?` for one. Each piece between two
 * stars is looked for once, from where the one before ended, since the leftmost place leaves most to the others: a node may
 * have given its containers names that make this slow, and the leader does it for a thousand of them at a time.
 */
export function globMatches(pattern: string, text: string): boolean {
  const [first = '', ...others] = pattern.split('*');
  const last = others.pop();
  if (last === undefined) {
    return text.length === first.length && isAt(first, text, 0);
  }
  const end = text.length - last.length;
  let from = first.length;
  if (from > end || !isAt(first, text, 0) || !isAt(last, text, end)) {
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

function imageMatches(image: string, container: ContainerFact): boolean {
  return image === container.imageId || withoutLatest(image) === withoutLatest(container.image);
}

function withoutLatest(image: string): string {
  return image.replace(/:latest$/, '');
}

function labelMatches(key: string, value: string, { labels }: ContainerFact): boolean {
  return Object.hasOwn(labels, key) && (value === '' || labels[key] === value);
}
