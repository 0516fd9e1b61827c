// SPDX-License-Identifier: Apache-2.0
// A node that has lost entries which it had acknowledged.
//
// Such a node must not help to elect a leader that lacks those entries, nor may its old acknowledgements be built on.
// So while it recovers it neither stands nor votes, and no leader counts it. It ends when the node has on disk a
// committed entry of a term later than any in which it can have acknowledged what is lost: a leader of that term was
// elected by a quorum without this node, and that quorum shares with each quorum that committed an entry a node which
// still has it. Hence that leader's log had all that was ever committed, and now this node's has too.
import type { MsgAppResp } from './message.ts';
import type { Raft } from './raft.ts';
import { sendAppend } from './replication.ts';
import type { Progress } from './tracker/index.ts';
import { NONE, type NodeId } from './types.ts';

/** Ends this node's recovery if it may end. */
export function maybeEndRecovery(raft: Raft): void {
  if (raft.recoveringTerm === 0 || raft.log.unstable.snapshot !== undefined) {
    return;
  }
  // Terms never fall along the log, so the last entry that is both committed and durable decides.
  const index = Math.min(raft.log.committed, raft.log.unstable.offset - 1);
  if (raft.log.termOrZero(index) > raft.recoveringTerm) {
    raft.trace?.(`has recovered: entry ${index} is committed and durable`);
    raft.recoveringTerm = 0;
  }
}

/** Tells the leader that everything up to `index` is durable here; and whether that may be counted. */
export function acknowledge(raft: Raft, to: NodeId, index: number): void {
  maybeEndRecovery(raft);
  raft.send({
    type: 'MsgAppResp',
    to,
    from: raft.id,
    term: raft.term,
    index,
    logTerm: 0,
    reject: false,
    rejectHint: 0,
    recoveringTerm: raft.recoveringTerm,
  });
}

/**
 * Takes over what a peer says of its recovery. A leader whose term is not later than the loss steps down, because it
 * may have committed by what the peer has lost, and only a leader of a later term can end the recovery. False if it
 * did.
 */
export function noteRecovery(raft: Raft, progress: Progress, message: MsgAppResp): boolean {
  const { from, recoveringTerm, reject, index } = message;
  if (recoveringTerm !== 0 && recoveringTerm >= raft.term) {
    raft.trace?.(`steps down, since ${from.toString(16)} recovers from a loss in term ${recoveringTerm}`);
    raft.becomeFollower(raft.term, NONE);
    return false;
  }
  const news = progress.recoveringTerm === 0;
  progress.recoveringTerm = recoveringTerm;
  if (recoveringTerm !== 0 && news && !reject) {
    progress.regressTo(index);
  }
  return true;
}

/** A recovering peer has refused an append that follows on what it was thought to have. False if that is not so. */
export function regressRecovering(raft: Raft, from: NodeId, progress: Progress, hint: number): boolean {
  if (progress.recoveringTerm === 0 || !progress.mayRegress || hint >= progress.match) {
    return false;
  }
  progress.mayRegress = false;
  progress.regressTo(hint);
  sendAppend(raft, from);
  return true;
}
