// SPDX-License-Identifier: Apache-2.0
// How a leader sends its log, its commit index and its signs of life.
import { invariant } from '../common/index.ts';
import { payloadsSize } from './entry-size.ts';
import type { Raft } from './raft.ts';
import type { Progress } from './tracker/index.ts';
import type { NodeId } from './types.ts';

/** Sends an append to one peer, if it may be sent anything; an empty one too, since it carries the commit index. */
export function sendAppend(raft: Raft, to: NodeId): void {
  maybeSendAppend(raft, to, true);
}

/** Sends an append, or a snapshot where the log does not reach back far enough. False if nothing was sent. */
export function maybeSendAppend(raft: Raft, to: NodeId, sendIfEmpty: boolean): boolean {
  const progress = progressOf(raft, to);
  if (progress.isPaused()) {
    return false;
  }
  const index = progress.next - 1;
  const logTerm = raft.log.term(index);
  if (typeof logTerm !== 'number') {
    return maybeSendSnapshot(raft, to, progress);
  }
  // A full window lets no entries through, but an empty append still goes: if all that fills the window was lost, its
  // answer is what gets the peer out of there.
  const full = progress.state === 'StateReplicate' && progress.inflights.full();
  const entries = full ? [] : raft.log.entries(progress.next, raft.config.maxSizePerMsg);
  if (entries === 'compacted') {
    return maybeSendSnapshot(raft, to, progress);
  }
  if (entries.length === 0 && !sendIfEmpty) {
    return false;
  }
  const commit = raft.log.committed;
  raft.send({ type: 'MsgApp', to, from: raft.id, term: raft.term, index, logTerm, entries, commit });
  progress.sentEntries(entries.length, payloadsSize(entries));
  progress.sentCommitTo(commit);
  return true;
}

/** Sends appends as long as the window has room and there are entries. */
export function sendAllAppends(raft: Raft, to: NodeId): void {
  let sent: boolean;
  do {
    sent = maybeSendAppend(raft, to, false);
  } while (sent);
}

export function broadcastAppend(raft: Raft): void {
  raft.tracker.visit((id) => {
    if (id !== raft.id) {
      sendAppend(raft, id);
    }
  });
}

/** Tells all peers that the leader is there, and asks them to confirm it for the reads that wait. */
export function broadcastHeartbeat(raft: Raft): void {
  const context = raft.readOnly.heartbeatContext();
  raft.tracker.visit((id, progress) => {
    if (id !== raft.id) {
      sendHeartbeat(raft, id, progress, context);
    }
  });
}

function sendHeartbeat(raft: Raft, to: NodeId, progress: Progress, context: Buffer): void {
  // Beyond what matches, the peer's log may hold other entries than those which are committed.
  const commit = Math.min(progress.match, raft.log.committed);
  raft.send({ type: 'MsgHeartbeat', to, from: raft.id, term: raft.term, commit, context });
  progress.sentCommitTo(commit);
  progress.mayRegress = true;
}

function maybeSendSnapshot(raft: Raft, to: NodeId, progress: Progress): boolean {
  // Making and sending one is dear, so it is not done for a peer that may be gone.
  if (!progress.recentActive) {
    return false;
  }
  const snapshot = raft.log.snapshot();
  if (snapshot === undefined) {
    return false;
  }
  invariant(snapshot.metadata.index > 0, 'a snapshot stands for something');
  progress.becomeSnapshot(snapshot.metadata.index);
  raft.send({ type: 'MsgSnap', to, from: raft.id, term: raft.term, snapshot });
  raft.trace?.(`sends ${to.toString(16)} the snapshot at ${snapshot.metadata.index}`);
  return true;
}

function progressOf(raft: Raft, id: NodeId): Progress {
  const progress = raft.tracker.progress.get(id);
  invariant(progress !== undefined, `${id} is a member`);
  return progress;
}
