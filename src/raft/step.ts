// SPDX-License-Identifier: Apache-2.0
// The way of every message: first by its term, then by its kind, at last by the role of the node that gets it.
import { unreachable } from '../common/index.ts';
import { appliedEntries, appliedSnapshot } from './apply.ts';
import { stepCandidate } from './candidate.ts';
import { answerVoteRequest, hup, isProtectingLeader, refusePreVote } from './election.ts';
import { stepFollower, tickElection } from './follower.ts';
import { stepLeader, tickHeartbeat } from './leader.ts';
import type { Message, MsgStorageAppendResp } from './message.ts';
import { type CommonMessage, isCommonMessage, type RoleMessage } from './message-kinds.ts';
import type { Raft } from './raft.ts';
import { acknowledge, maybeEndRecovery } from './recovery.ts';
import type { Refusal } from './refusal.ts';
import { NONE } from './types.ts';

/** Takes a message, which must not be changed afterwards. */
export function step(raft: Raft, message: Message): Refusal | undefined {
  // Messages of term 0 stand outside of terms: requests, and what the driver says.
  if (message.term > raft.term) {
    if (!enterLaterTerm(raft, message)) {
      return undefined;
    }
  } else if (message.term !== 0 && message.term < raft.term) {
    handleEarlierTerm(raft, message);
    return undefined;
  }
  const refusal = isCommonMessage(message) ? stepCommon(raft, message) : stepRole(raft, message);
  maybeEndRecovery(raft);
  return refusal;
}

/** One tick of the clock. */
export function tick(raft: Raft): void {
  if (raft.state === 'StateLeader') {
    tickHeartbeat(raft);
  } else {
    tickElection(raft);
  }
}

function stepCommon(raft: Raft, message: CommonMessage): Refusal | undefined {
  switch (message.type) {
    case 'MsgHup':
      hup(raft);
      return undefined;
    case 'MsgStorageAppendResp':
      handleAppended(raft, message);
      return undefined;
    case 'MsgStorageApplyResp':
      appliedEntries(raft, message.entries);
      return undefined;
    case 'MsgVote':
    case 'MsgPreVote':
      answerVoteRequest(raft, message);
      return undefined;
    case 'MsgStorageAppend':
    case 'MsgStorageApply':
      // The core sends them, and nobody sends them to it.
      return undefined;
    default:
      return unreachable(message);
  }
}

function stepRole(raft: Raft, message: RoleMessage): Refusal | undefined {
  switch (raft.state) {
    case 'StateFollower':
      return stepFollower(raft, message);
    case 'StateCandidate':
    case 'StatePreCandidate':
      return stepCandidate(raft, message);
    case 'StateLeader':
      return stepLeader(raft, message);
    default:
      return unreachable(raft.state);
  }
}

/** Follows into the later term, if the message is a reason to. False if the message is to be ignored. */
function enterLaterTerm(raft: Raft, message: Message): boolean {
  const { type, term, from } = message;
  // A node that was removed, or cut off, does not unseat a leader that everybody else hears (paper, 6).
  if ((type === 'MsgVote' || type === 'MsgPreVote') && isProtectingLeader(raft, message)) {
    raft.trace?.(`ignores ${type} of ${from.toString(16)} in term ${term}, since it hears its leader`);
    return false;
  }
  // Pre-votes and their grants bear a term that nobody has begun. A refusal bears the term of a voter that is ahead.
  if (type === 'MsgPreVote' || (type === 'MsgPreVoteResp' && !message.reject)) {
    return true;
  }
  const fromLeader = type === 'MsgApp' || type === 'MsgHeartbeat' || type === 'MsgSnap';
  raft.becomeFollower(term, fromLeader ? from : NONE);
  return true;
}

function handleEarlierTerm(raft: Raft, message: Message): void {
  const { checkQuorum, preVote } = raft.config;
  const { type, from } = message;
  if ((type === 'MsgHeartbeat' || type === 'MsgApp') && (checkQuorum || preVote)) {
    // This node has been in an election that nobody else took part in. While voters protect their leader, asking for
    // votes does not bring the others to its term, and the leader's messages would be ignored for ever. So it tells
    // the leader, which steps down; PreVote makes this rare.
    acknowledge(raft, from, 0);
  } else if (type === 'MsgPreVote') {
    // A candidate with an earlier term and a longer log may be the only one that can win: it must hear of this term.
    refusePreVote(raft, from);
  } else if (type === 'MsgStorageAppendResp' && message.snapshot !== undefined) {
    // Entries that were written in an earlier term may have been overwritten since (see storage-messages.ts). What a
    // snapshot stands for is committed, and stays so in any term.
    appliedSnapshot(raft, message.snapshot);
  }
}

function handleAppended(raft: Raft, { index, logTerm, snapshot }: MsgStorageAppendResp): void {
  if (index !== 0) {
    raft.log.unstable.stableTo({ term: logTerm, index });
  }
  if (snapshot !== undefined) {
    appliedSnapshot(raft, snapshot);
  }
}
