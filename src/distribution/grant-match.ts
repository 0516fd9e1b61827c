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
 * Whether the whole of `text` is as `pattern` says, in which `*` stands for any characters and `?` for one. Takes no more steps
 * than the product of both lengths, whatever the pattern: nothing but the last `*` is ever tried again.
 */
export function globMatches(pattern: string, text: string): boolean {
  let at = 0;
  let star: number | undefined;
  /** What the last star has not taken begins here. */
  let afterStar = 0;
  for (let read = 0; read < text.length; ) {
    if (pattern[at] === '*') {
      star = at;
      at += 1;
      afterStar = read;
    } else if (pattern[at] === '?' || pattern[at] === text[read]) {
      at += 1;
      read += 1;
    } else if (star !== undefined) {
      afterStar += 1;
      read = afterStar;
      at = star + 1;
    } else {
      return false;
    }
  }
  return /^\**$/.test(pattern.slice(at));
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
