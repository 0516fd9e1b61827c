// SPDX-License-Identifier: Apache-2.0
// The rules of a candidate, and of one that only asks: it collects votes until it has won, lost, or hears of a
// leader.
import { unreachable } from '../common/index.ts';
import { campaign, isConfChange } from './election.ts';
import { handleLeader } from './follower.ts';
import type { MsgPreVoteResp, MsgVoteResp } from './message.ts';
import type { RoleMessage } from './message-kinds.ts';
import type { Raft } from './raft.ts';
import type { Refusal } from './refusal.ts';
import { broadcastAppend } from './replication.ts';
import { NONE } from './types.ts';

export function stepCandidate(raft: Raft, message: RoleMessage): Refusal | undefined {
  switch (message.type) {
    case 'MsgProp':
      return 'proposal-dropped';
    case 'MsgApp':
    case 'MsgHeartbeat':
    case 'MsgSnap':
      // Another one has won this term.
      raft.becomeFollower(message.term, message.from);
      handleLeader(raft, message);
      return undefined;
    case 'MsgPreVoteResp':
      // Answers to the question may still come in after the answer is known.
      if (raft.state === 'StatePreCandidate') {
        countVote(raft, message);
      }
      return undefined;
    case 'MsgVoteResp':
      if (raft.state === 'StateCandidate') {
        countVote(raft, message);
      }
      return undefined;
    case 'MsgTimeoutNow':
      // It stands already.
      return undefined;
    case 'MsgReadIndex':
    case 'MsgReadIndexResp':
    case 'MsgTransferLeader':
    case 'MsgForgetLeader':
      // There is no leader to pass anything on to, nor to forget.
      return undefined;
    case 'MsgAppResp':
    case 'MsgHeartbeatResp':
    case 'MsgUnreachable':
    case 'MsgSnapStatus':
    case 'MsgBeat':
    case 'MsgCheckQuorum':
      // They are about a leadership that is over.
      return undefined;
    default:
      return unreachable(message);
  }
}

function countVote(raft: Raft, message: MsgVoteResp | MsgPreVoteResp): void {
  if (learnsOfConfChange(raft, message)) {
    return;
  }
  const { from, reject } = message;
  raft.tracker.recordVote(from, !reject);
  const { granted, rejected, result } = raft.tracker.tallyVotes();
  raft.trace?.(`has ${granted} votes for it and ${rejected} against it`);
  switch (result) {
    case 'VotePending':
      return;
    case 'VoteWon':
      if (raft.state === 'StatePreCandidate') {
        campaign(raft, 'CampaignElection');
      } else {
        raft.becomeLeader();
        broadcastAppend(raft);
      }
      return;
    case 'VoteLost':
      // The answer to a pre-vote may bear a later term, which nobody has begun.
      raft.becomeFollower(raft.term, NONE);
      return;
    default:
      unreachable(result);
  }
}

/**
 * Takes from an answer what the voter knows to be committed, if a conf change is among it, and gives up the candidacy: the
 * votes are counted by other voters then. It matters where a leader was removed, or left a joint configuration, and those
 * who have heard of it cannot win: of two, the removed one may have the longer log for ever; and of several, those with
 * the longer logs may count by the old configuration for ever.
 */
function learnsOfConfChange(raft: Raft, message: MsgVoteResp | MsgPreVoteResp): boolean {
  const { knownCommit: index, knownCommitTerm: term } = message;
  const { committed, maxApplyingBytes } = raft.log;
  if (
    index <= committed ||
    !raft.log.matchTerm({ term, index }) ||
    !raft.log.some(committed + 1, index + 1, maxApplyingBytes, isConfChange)
  ) {
    return false;
  }
  raft.log.commitTo(index);
  raft.becomeFollower(raft.term, NONE);
  return true;
}
