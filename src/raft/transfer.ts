// SPDX-License-Identifier: Apache-2.0
// How a leader hands over (thesis, 3.10): it takes no more proposals, brings the other's log up to date, and asks it
// to stand.
import type { Raft } from './raft.ts';
import { sendAppend } from './replication.ts';
import type { Progress } from './tracker/index.ts';
import { NONE, type NodeId } from './types.ts';

/** Begins to hand over to a member. A handover that is under way to another one is given up for it. */
export function transferLeadership(raft: Raft, progress: Progress, to: NodeId): void {
  if (progress.isLearner || progress.recoveringTerm !== 0 || raft.leadTransferee === to) {
    return;
  }
  raft.leadTransferee = NONE;
  if (to === raft.id) {
    return;
  }
  raft.trace?.(`hands over to ${to.toString(16)}`);
  // It has one election timeout from now.
  raft.electionElapsed = 0;
  raft.leadTransferee = to;
  if (progress.match === raft.log.lastIndex()) {
    sendTimeoutNow(raft, to);
  } else {
    sendAppend(raft, to);
  }
}

/** A peer's log has grown: if it is the one to hand over to, and has everything now, it may stand. */
export function maybeFinishTransfer(raft: Raft, progress: Progress, from: NodeId): void {
  if (from === raft.leadTransferee && progress.match === raft.log.lastIndex()) {
    sendTimeoutNow(raft, from);
  }
}

function sendTimeoutNow(raft: Raft, to: NodeId): void {
  raft.send({ type: 'MsgTimeoutNow', to, from: raft.id, term: raft.term });
}
