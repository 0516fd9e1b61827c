// SPDX-License-Identifier: Apache-2.0
// How a follower takes what the leader sends (paper, figure 2, AppendEntries; 7, InstallSnapshot).
import { type Changed, restore } from './confchange/index.ts';
import { switchToConfig } from './configuration.ts';
import { isContiguous } from './entry-id.ts';
import type { MsgApp, MsgHeartbeat, MsgSnap } from './message.ts';
import type { Raft } from './raft.ts';
import { acknowledge } from './recovery.ts';
import type { ConfState, NodeId, Snapshot } from './types.ts';

/** Appends the entries, or says where the logs may agree. */
export function handleAppend(raft: Raft, message: MsgApp): void {
  const { from, index, logTerm, entries, commit } = message;
  if (index < raft.log.committed) {
    // It came late. What is committed is the same in both logs, so there is nothing to take from it.
    acknowledge(raft, from, raft.log.committed);
    return;
  }
  const previous = { term: logTerm, index };
  if (!isContiguous(previous, entries)) {
    raft.trace?.(`ignores an append of ${from.toString(16)} whose entries do not follow on each other`);
    return;
  }
  if (raft.log.maybeAppend(previous, entries, commit)) {
    acknowledge(raft, from, index + entries.length);
    return;
  }
  // The leader goes back to the last place where the logs can agree, judging by both terms, in place of trying every
  // entry of a long tail that the follower got from a leader who never committed it.
  const hint = raft.log.findConflictByTerm(Math.min(index, raft.log.lastIndex()), logTerm);
  raft.send({
    type: 'MsgAppResp',
    to: from,
    from: raft.id,
    term: raft.term,
    index,
    logTerm: hint.term,
    reject: true,
    rejectHint: hint.index,
    recoveringTerm: raft.recoveringTerm,
  });
}

/** The leader is there. */
export function handleHeartbeat(raft: Raft, { from, commit, context }: MsgHeartbeat): void {
  const recovering = raft.recoveringTerm !== 0;
  if (!recovering) {
    raft.log.commitTo(commit);
  }
  raft.send({
    type: 'MsgHeartbeatResp',
    to: from,
    from: raft.id,
    term: raft.term,
    // A recovering node must not vouch for the leader: it may have voted for another one and have lost that.
    context: recovering ? Buffer.alloc(0) : context,
  });
  if (recovering) {
    // The leader goes by what it believes this node to have, in its commit index too. It must hear that this is not
    // so, even while it has nothing to append. What is committed here is in its log for certain.
    acknowledge(raft, from, raft.log.committed);
  }
}

/** Takes the snapshot, or says from where on it needs none. */
export function handleSnapshot(raft: Raft, { from, snapshot }: MsgSnap): void {
  const restored = restoreSnapshot(raft, snapshot);
  acknowledge(raft, from, restored ? raft.log.lastIndex() : raft.log.committed);
}

/**
 * Puts the snapshot in the place of the log and of the configuration. False if there is nothing to be gained by it.
 */
function restoreSnapshot(raft: Raft, snapshot: Snapshot): boolean {
  const { index, term, confState } = snapshot.metadata;
  if (index <= raft.log.committed) {
    return false;
  }
  if (!isMember(confState, raft.id)) {
    raft.trace?.('ignores a snapshot of a cluster to which it does not belong');
    return false;
  }
  if (raft.log.matchTerm({ term, index })) {
    // The log has it all, and possibly more that must not be thrown away: it may have been acknowledged.
    raft.log.commitTo(index);
    return false;
  }
  raft.log.restore(snapshot);
  const changed: Changed = restore({ tracker: raft.tracker, lastIndex: raft.log.lastIndex() }, confState);
  switchToConfig(raft, changed);
  raft.trace?.(`begins anew after the snapshot at ${index}`);
  return true;
}

function isMember({ voters, learners, votersOutgoing }: ConfState, id: NodeId): boolean {
  // Who is to become a learner is an outgoing voter still.
  return [voters, learners, votersOutgoing].some((ids) => ids.includes(id));
}
