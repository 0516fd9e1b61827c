// SPDX-License-Identifier: Apache-2.0
// Progress in words, in the form that etcd's raft library prints it in.
import { ascending } from '../quorum/index.ts';
import type { NodeId } from '../types.ts';
import type { Progress } from './progress.ts';

/** As `StateReplicate match=4 next=7 learner paused pendingSnap=3 inactive inflight=2[full]`, as far as it applies. */
export function describeProgress(progress: Progress): string {
  const words = [`${progress.state} match=${progress.match} next=${progress.next}`];
  if (progress.isLearner) {
    words.push('learner');
  }
  if (progress.isPaused()) {
    words.push('paused');
  }
  if (progress.pendingSnapshot > 0) {
    words.push(`pendingSnap=${progress.pendingSnapshot}`);
  }
  if (!progress.recentActive) {
    words.push('inactive');
  }
  if (progress.inflights.count > 0) {
    words.push(`inflight=${progress.inflights.count}${progress.inflights.full() ? '[full]' : ''}`);
  }
  if (progress.recoveringTerm > 0) {
    words.push(`recovering=${progress.recoveringTerm}`);
  }
  return words.join(' ');
}

/** One member a line, in ascending order: `1: StateProbe match=0 next=1`. */
export function describeProgressMap(progress: ReadonlyMap<NodeId, Progress>): string {
  return [...progress]
    .sort(([a], [b]) => ascending(a, b))
    .map(([id, member]) => `${id}: ${describeProgress(member)}\n`)
    .join('');
}
