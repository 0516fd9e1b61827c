// SPDX-License-Identifier: Apache-2.0
// Whether a grant is for a container. See `GrantObject` for what its fields mean.
import { globMatches } from '../common/index.ts';
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

function imageMatches(image: string, container: ContainerFact): boolean {
  return image === container.imageId || withoutLatest(image) === withoutLatest(container.image);
}

function withoutLatest(image: string): string {
  return image.replace(/:latest$/, '');
}

function labelMatches(key: string, value: string, { labels }: ContainerFact): boolean {
  return Object.hasOwn(labels, key) && (value === '' || labels[key] === value);
}
