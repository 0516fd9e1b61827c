// SPDX-License-Identifier: Apache-2.0
// The rules of a follower, learners included: it takes what the leader sends, and passes on to it what it is asked
// for.
import { invariant, unreachable } from '../common/index.ts';
import { handleAppend, handleHeartbeat, handleSnapshot } from './append.ts';
import { hup, standForElection } from './election.ts';
import type { MsgApp, MsgHeartbeat, MsgProp, MsgReadIndex, MsgSnap } from './message.ts';
import type { RoleMessage } from './message-kinds.ts';
import type { Raft } from './raft.ts';
import type { Refusal } from './refusal.ts';
import { NONE } from './types.ts';

export function stepFollower(raft: Raft, message: RoleMessage): Refusal | undefined {
  switch (message.type) {
    case 'MsgProp':
      return forwardProposal(raft, message);
    case 'MsgApp':
    case 'MsgHeartbeat':
    case 'MsgSnap':
      raft.electionElapsed = 0;
      raft.lead = message.from;
      handleLeader(raft, message);
      return undefined;
    case 'MsgTransferLeader':
      if (raft.lead !== NONE) {
        raft.send({ ...message, to: raft.lead, term: raft.term });
      }
      return undefined;
    case 'MsgForgetLeader':
      forgetLeader(raft);
      return undefined;
    case 'MsgTimeoutNow':
      // The leader itself asks for it, so there is no need to find out first whether it is gone.
      standForElection(raft, 'CampaignTransfer');
      return undefined;
    case 'MsgReadIndex':
      if (raft.lead !== NONE) {
        forward(raft, message);
      }
      return undefined;
    case 'MsgReadIndexResp':
      raft.readStates.push({ index: message.index, requestCtx: message.context });
      return undefined;
    case 'MsgAppResp':
    case 'MsgHeartbeatResp':
    case 'MsgVoteResp':
    case 'MsgPreVoteResp':
    case 'MsgUnreachable':
    case 'MsgSnapStatus':
    case 'MsgBeat':
    case 'MsgCheckQuorum':
      // They are about a leadership or a candidacy that is over.
      return undefined;
    default:
      return unreachable(message);
  }
}

/** What any node does with the messages of its term's leader. */
export function handleLeader(raft: Raft, message: MsgApp | MsgHeartbeat | MsgSnap): void {
  invariant(raft.state === 'StateFollower', 'only a follower takes what a leader sends');
  switch (message.type) {
    case 'MsgApp':
      handleAppend(raft, message);
      return;
    case 'MsgHeartbeat':
      handleHeartbeat(raft, message);
      return;
    case 'MsgSnap':
      handleSnapshot(raft, message);
      return;
    default:
      unreachable(message);
  }
}

/** One tick of a node that does not lead. */
export function tickElection(raft: Raft): void {
  raft.electionElapsed += 1;
  if (raft.promotable && raft.pastElectionTimeout) {
    raft.electionElapsed = 0;
    hup(raft);
  }
}

function forwardProposal(raft: Raft, message: MsgProp): Refusal | undefined {
  if (raft.lead === NONE || raft.config.disableProposalForwarding) {
    return 'proposal-dropped';
  }
  forward(raft, message);
  return undefined;
}

/** Passes a request on under the name of the one who asks, so that the leader's answer finds its way. */
function forward(raft: Raft, message: MsgProp | MsgReadIndex): void {
  raft.send({ ...message, to: raft.lead, from: message.from === NONE ? raft.id : message.from, term: 0 });
}

function forgetLeader(raft: Raft): void {
  // Leases are built on followers that keep to their leader for a time.
  if (raft.config.readOnlyOption !== 'ReadOnlyLeaseBased') {
    raft.lead = NONE;
  }
}
