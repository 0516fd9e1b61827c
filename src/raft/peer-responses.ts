// SPDX-License-Identifier: Apache-2.0
// What a leader learns of its peers, and what it sends them next.
import { unreachable } from '../common/index.ts';
import type { MsgAppResp, MsgHeartbeatResp, MsgSnapStatus } from './message.ts';
import type { Raft } from './raft.ts';
import { confirmReads, releaseEarlyReads } from './read-index.ts';
import { noteRecovery, regressRecovering } from './recovery.ts';
import { broadcastAppend, sendAllAppends, sendAppend } from './replication.ts';
import type { Progress } from './tracker/index.ts';
import { maybeFinishTransfer } from './transfer.ts';

/** The answer to an append or a snapshot, the leader's own answer to itself included. */
export function handleAppendResponse(raft: Raft, progress: Progress, message: MsgAppResp): void {
  progress.recentActive = true;
  if (!noteRecovery(raft, progress, message)) {
    return;
  }
  if (message.reject) {
    handleRejection(raft, progress, message);
    return;
  }
  const { from, index } = message;
  if (index > raft.log.lastIndex()) {
    raft.trace?.(`ignores ${from.toString(16)}, which acknowledges what it cannot have`);
    return;
  }
  // An answer that says nothing new still takes a peer out of probing: its log is where it was thought to be.
  const confirmed = progress.state === 'StateProbe' && progress.match === index;
  if (!progress.maybeUpdate(index) && !confirmed) {
    return;
  }
  resumeReplication(raft, progress, index);
  if (raft.maybeCommit()) {
    releaseEarlyReads(raft);
    broadcastAppend(raft);
  } else if (from !== raft.id && progress.canBumpCommit(raft.log.committed)) {
    // A heartbeat would tell it too, only later.
    sendAppend(raft, from);
  }
  if (from !== raft.id) {
    // The window may have room for several messages now.
    sendAllAppends(raft, from);
  }
  maybeFinishTransfer(raft, progress, from);
}

export function handleHeartbeatResponse(raft: Raft, progress: Progress, message: MsgHeartbeatResp): void {
  progress.recentActive = true;
  progress.msgAppFlowPaused = false;
  // Even if there is nothing to send, or the window is full: an append that is answered gets a peer out of probing,
  // and out of a window in which all was lost. And one that recovers learns the commit index by appends alone.
  if (
    progress.match < raft.log.lastIndex() ||
    progress.state === 'StateProbe' ||
    progress.recoveringTerm !== 0
  ) {
    sendAppend(raft, message.from);
  }
  confirmReads(raft, message);
}

/** The driver knows what has become of the snapshot that it sent. */
export function handleSnapshotStatus(progress: Progress, { reject }: MsgSnapStatus): void {
  if (progress.state !== 'StateSnapshot') {
    return;
  }
  if (reject) {
    progress.abandonSnapshot();
  }
  progress.becomeProbe();
  // If it arrived, the peer's own answer is the better occasion to go on; if not, it is tried after a heartbeat.
  progress.msgAppFlowPaused = true;
}

/** Appends that were sent without waiting are lost, most likely. */
export function handleUnreachable(progress: Progress): void {
  if (progress.state === 'StateReplicate') {
    progress.becomeProbe();
  }
}

/**
 * The peer has no entry where the append was to follow on. Its hint names the last place where the logs may agree, by
 * what it knows. The leader goes further back from there by what it knows itself: an entry of a later term than the
 * peer has at the hint cannot be in the peer's log, since terms never fall along a log. For instance:
 *
 *     index     1 2 3 4 5 6 7 8 9
 *     leader    1 3 3 3 5 5 5 5 5
 *     peer      1 1 1 1 2 2
 *
 * An append after 9 is refused with the hint "6, term 2". The leader tries 1 next, and not 6, 5, 4, 3 and 2 in turn.
 * So it takes one message for each term at most.
 */
function handleRejection(raft: Raft, progress: Progress, message: MsgAppResp): void {
  const { from, index, logTerm, rejectHint } = message;
  // A peer with an empty log, or one that does not know, names term 0.
  const hint = logTerm > 0 ? raft.log.findConflictByTerm(rejectHint, logTerm).index : rejectHint;
  if (regressRecovering(raft, from, progress, hint) || !progress.maybeDecrTo(index, hint)) {
    return;
  }
  if (progress.state === 'StateReplicate') {
    progress.becomeProbe();
  }
  sendAppend(raft, from);
}

/** What was acknowledged makes room for more. */
function resumeReplication(raft: Raft, progress: Progress, index: number): void {
  switch (progress.state) {
    case 'StateProbe':
      progress.becomeReplicate();
      return;
    case 'StateSnapshot':
      // Whatever the peer got, and from whomever: as soon as its log meets the leader's, the log alone will do.
      if (progress.match + 1 >= raft.log.firstIndex()) {
        progress.becomeProbe();
        progress.becomeReplicate();
      }
      return;
    case 'StateReplicate':
      progress.inflights.freeLe(index);
      return;
    default:
      unreachable(progress.state);
  }
}
