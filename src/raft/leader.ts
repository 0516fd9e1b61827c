// SPDX-License-Identifier: Apache-2.0
// The rules of a leader: it appends, replicates, commits what a quorum has, and makes sure that it still leads.
import { unreachable } from '../common/index.ts';
import { maybeLeaveJoint } from './apply.ts';
import type {
  MsgAppResp,
  MsgHeartbeatResp,
  MsgSnapStatus,
  MsgTransferLeader,
  MsgUnreachable,
} from './message.ts';
import type { RoleMessage } from './message-kinds.ts';
import {
  handleAppendResponse,
  handleHeartbeatResponse,
  handleSnapshotStatus,
  handleUnreachable,
} from './peer-responses.ts';
import { proposeAsLeader } from './proposals.ts';
import type { Raft } from './raft.ts';
import { readAsLeader } from './read-index.ts';
import type { Refusal } from './refusal.ts';
import { broadcastHeartbeat } from './replication.ts';
import { transferLeadership } from './transfer.ts';
import { NONE } from './types.ts';

export function stepLeader(raft: Raft, message: RoleMessage): Refusal | undefined {
  switch (message.type) {
    case 'MsgBeat':
      broadcastHeartbeat(raft);
      return undefined;
    case 'MsgCheckQuorum':
      checkQuorum(raft);
      return undefined;
    case 'MsgProp':
      return proposeAsLeader(raft, message.entries);
    case 'MsgReadIndex':
      readAsLeader(raft, message);
      return undefined;
    case 'MsgAppResp':
    case 'MsgHeartbeatResp':
    case 'MsgSnapStatus':
    case 'MsgUnreachable':
    case 'MsgTransferLeader':
      stepMember(raft, message);
      return undefined;
    case 'MsgVoteResp':
    case 'MsgPreVoteResp':
    case 'MsgTimeoutNow':
    case 'MsgForgetLeader':
    case 'MsgReadIndexResp':
      // It has won already, and answers its reads itself.
      return undefined;
    case 'MsgApp':
    case 'MsgHeartbeat':
    case 'MsgSnap':
      // There is one leader in a term (paper, 5.2), so no other one can have sent this.
      raft.trace?.(`ignores ${message.type}, since it leads this term itself`);
      return undefined;
    default:
      return unreachable(message);
  }
}

/** One tick of a leader. */
export function tickHeartbeat(raft: Raft): void {
  raft.heartbeatElapsed += 1;
  raft.electionElapsed += 1;
  if (raft.electionElapsed >= raft.config.electionTick) {
    raft.electionElapsed = 0;
    if (raft.config.checkQuorum) {
      checkQuorum(raft);
    }
    // A handover that takes longer than an election has failed, and the leader goes on (thesis, 3.10).
    if (raft.leadTransferee !== NONE) {
      raft.leadTransferee = NONE;
      maybeLeaveJoint(raft);
    }
  }
  if (raft.state === 'StateLeader' && raft.heartbeatElapsed >= raft.config.heartbeatTick) {
    raft.heartbeatElapsed = 0;
    broadcastHeartbeat(raft);
  }
}

type MemberMessage = MsgAppResp | MsgHeartbeatResp | MsgSnapStatus | MsgUnreachable | MsgTransferLeader;

/** What concerns one member, and is of no interest from anybody else. */
function stepMember(raft: Raft, message: MemberMessage): void {
  const progress = raft.tracker.progress.get(message.from);
  if (progress === undefined) {
    return;
  }
  switch (message.type) {
    case 'MsgAppResp':
      handleAppendResponse(raft, progress, message);
      return;
    case 'MsgHeartbeatResp':
      handleHeartbeatResponse(raft, progress, message);
      return;
    case 'MsgSnapStatus':
      handleSnapshotStatus(progress, message);
      return;
    case 'MsgUnreachable':
      handleUnreachable(progress);
      return;
    case 'MsgTransferLeader':
      transferLeadership(raft, progress, message.from);
      return;
    default:
      unreachable(message);
  }
}

/** Steps down if a quorum was not heard from since the last check: it may have another leader by now. */
function checkQuorum(raft: Raft): void {
  if (!raft.tracker.quorumActive()) {
    raft.trace?.('steps down, since it does not hear from a quorum');
    raft.becomeFollower(raft.term, NONE);
  }
  raft.tracker.visit((id, progress) => {
    if (id !== raft.id) {
      progress.recentActive = false;
    }
  });
}
