// SPDX-License-Identifier: Apache-2.0
// Peers of a leader, as tests of progress begin with them.
import { Inflights, Progress, type ProgressOptions } from '../../../src/raft/tracker/index.ts';

/** A peer that has the log up to `match`, as it is before anything was sent to it. */
export function peer(match: number, next = match + 1, options: Partial<ProgressOptions> = {}): Progress {
  return new Progress({ match, next, inflights: new Inflights(3, 100), recentActive: true, ...options });
}

/** One that is sent appends without waiting, `sent` of them of one entry each and 10 bytes. Three fit the window. */
export function replicating(match: number, sent = 0): Progress {
  const progress = peer(match);
  progress.becomeReplicate();
  for (let count = 0; count < sent; count += 1) {
    progress.sentEntries(1, 10);
  }
  return progress;
}
