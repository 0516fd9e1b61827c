// SPDX-License-Identifier: Apache-2.0
// Changes of members in words, as the core prints them: `v2` adds a voter, `l2` a learner, `r2` removes, `u2`
// updates.
import type { ConfChangeSingle, ConfChangeType } from '../../src/raft/index.ts';

const TYPES: ReadonlyMap<string, ConfChangeType> = new Map([
  ['v', 'ConfChangeAddNode'],
  ['l', 'ConfChangeAddLearnerNode'],
  ['r', 'ConfChangeRemoveNode'],
  ['u', 'ConfChangeUpdateNode'],
]);

/** The changes that `v2 l3` asks for; none for an empty text. */
export function parseChanges(text: string): readonly ConfChangeSingle[] {
  const words = text.split(/\s+/).filter((word) => word !== '');
  return words.map((word) => {
    const type = TYPES.get(word.slice(0, 1));
    const nodeId = Number(word.slice(1));
    if (type === undefined || !Number.isSafeInteger(nodeId)) {
      throw new TypeError(`"${word}" is no change`);
    }
    return { type, nodeId };
  });
}
