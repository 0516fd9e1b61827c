// SPDX-License-Identifier: Apache-2.0
// Conf changes in a few letters, as etcd's raft library writes them in its own tests.
import { type Changed, enterJoint, leaveJoint, simple } from '../../src/raft/confchange/index.ts';
import { ProgressTracker } from '../../src/raft/tracker/index.ts';
import type { ConfChangeSingle, ConfChangeType } from '../../src/raft/types.ts';

const TYPES: Readonly<Record<string, ConfChangeType>> = {
  v: 'ConfChangeAddNode',
  l: 'ConfChangeAddLearnerNode',
  r: 'ConfChangeRemoveNode',
  u: 'ConfChangeUpdateNode',
};

/** Reads `v1 l2 r3 u4`: 1 becomes a voter, 2 a learner, 3 is removed and 4 is updated. */
export function changesOf(text: string): readonly ConfChangeSingle[] {
  return text
    .split(' ')
    .filter(Boolean)
    .map((word) => {
      const type = TYPES[word.slice(0, 1)];
      const nodeId = Number(word.slice(1));
      if (type === undefined || !Number.isSafeInteger(nodeId)) {
        throw new SyntaxError(`${word} is no conf change`);
      }
      return { type, nodeId };
    });
}

export function emptyTracker(): ProgressTracker {
  return new ProgressTracker(8, 0);
}

/** Makes the change `simple v1 ...`, `joint v1 ...`, `joint-autoleave v1 ...` or `leave`, and the tracker take it over. */
export function changeTracker(tracker: ProgressTracker, change: string, lastIndex = 1): void {
  const { config, progress } = changed(tracker, change, lastIndex);
  tracker.config = config;
  tracker.progress = progress;
}

function changed(tracker: ProgressTracker, change: string, lastIndex: number): Changed {
  const [operation = '', ...words] = change.split(' ');
  const changes = changesOf(words.join(' '));
  switch (operation) {
    case 'simple':
      return simple({ tracker, lastIndex }, changes);
    case 'joint':
      return enterJoint({ tracker, lastIndex }, false, changes);
    case 'joint-autoleave':
      return enterJoint({ tracker, lastIndex }, true, changes);
    case 'leave':
      return leaveJoint({ tracker, lastIndex });
    default:
      throw new SyntaxError(`${operation} is no operation on configurations`);
  }
}
