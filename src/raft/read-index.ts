// SPDX-License-Identifier: Apache-2.0
// Reads that see every write which was acknowledged before them, without an entry in the log (thesis, 6.4).
import { unreachable } from '../common/index.ts';
import type { MsgHeartbeatResp, MsgReadIndex } from './message.ts';
import type { Raft } from './raft.ts';
import { broadcastHeartbeat } from './replication.ts';
import { NONE } from './types.ts';

/** The leader's answer to a read, now or as soon as it can vouch for it. */
export function readAsLeader(raft: Raft, request: MsgReadIndex): void {
  // Until an entry of its own term is committed, it does not know of all that its predecessors had committed. That
  // holds for the only voter too: what it had told of a commit before it was restarted need not be on its disk.
  if (!raft.committedEntryInCurrentTerm) {
    raft.earlyReads.push(request);
    return;
  }
  if (raft.tracker.isSingleton() && raft.tracker.config.voters.incoming.has(raft.id)) {
    // The only voter: nobody else can lead, nor have committed anything.
    respond(raft, request, raft.log.committed);
    return;
  }
  confirmLeadership(raft, request);
}

/** An entry of the leader's own term may have been committed: the reads that waited for it go on. */
export function releaseEarlyReads(raft: Raft): void {
  if (raft.earlyReads.length === 0 || !raft.committedEntryInCurrentTerm) {
    return;
  }
  const requests = raft.earlyReads;
  raft.earlyReads = [];
  for (const request of requests) {
    readAsLeader(raft, request);
  }
}

/** A peer has answered a heartbeat; the reads that a quorum has confirmed thereby are answered. */
export function confirmReads(raft: Raft, { from, context }: MsgHeartbeatResp): void {
  if (raft.config.readOnlyOption !== 'ReadOnlySafe' || context.length === 0) {
    return;
  }
  raft.readOnly.receiveAck(from, context);
  const reads = raft.readOnly.confirm(
    raft.tracker.config.voters,
    (id) => raft.tracker.progress.get(id)?.recoveringTerm === 0,
  );
  for (const { request, index } of reads) {
    respond(raft, request, index);
  }
}

function confirmLeadership(raft: Raft, request: MsgReadIndex): void {
  const index = raft.log.committed;
  switch (raft.config.readOnlyOption) {
    case 'ReadOnlySafe':
      raft.readOnly.add(request, index);
      raft.readOnly.receiveAck(raft.id, raft.readOnly.heartbeatContext());
      broadcastHeartbeat(raft);
      return;
    case 'ReadOnlyLeaseBased':
      respond(raft, request, index);
      return;
    default:
      unreachable(raft.config.readOnlyOption);
  }
}

function respond(raft: Raft, { from, context }: MsgReadIndex, index: number): void {
  if (from === NONE || from === raft.id) {
    raft.readStates.push({ index, requestCtx: context });
    return;
  }
  raft.send({ type: 'MsgReadIndexResp', to: from, from: raft.id, term: raft.term, index, context });
}
