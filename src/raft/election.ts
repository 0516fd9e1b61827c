// SPDX-License-Identifier: Apache-2.0
// How a node stands for election, and how it votes (paper, 5.2 and 5.4.1; thesis, 9.6).
import { unreachable } from '../common/index.ts';
import { CAMPAIGN_TRANSFER, type MsgPreVote, type MsgVote, type MsgVoteResp } from './message.ts';
import type { Raft } from './raft.ts';
import { type Entry, NONE, type NodeId } from './types.ts';

/**
 * `CampaignPreElection` only asks who would vote for it. `CampaignTransfer` is an election at the leader's own wish,
 * so that voters need not protect the leader.
 */
export type CampaignType = 'CampaignPreElection' | 'CampaignElection' | 'CampaignTransfer';

/** The election timeout is over, or the driver wishes it: stands for election, if that is allowed. */
export function hup(raft: Raft): void {
  standForElection(raft, raft.config.preVote ? 'CampaignPreElection' : 'CampaignElection');
}

/** Stands for election unless this node leads already, or may not lead. */
export function standForElection(raft: Raft, type: CampaignType): void {
  if (raft.state === 'StateLeader') {
    return;
  }
  if (!raft.promotable) {
    raft.trace?.('does not stand for election, since it may not lead');
    return;
  }
  // It may have been removed, or may not know of the voters that decide now. Its vote would be counted by the wrong
  // quorum.
  if (hasUnappliedConfChanges(raft)) {
    raft.trace?.('does not stand for election before it has applied the committed conf changes');
    return;
  }
  campaign(raft, type);
}

/** Asks all voters of both configurations, itself included. */
export function campaign(raft: Raft, type: CampaignType): void {
  const preVote = type === 'CampaignPreElection';
  if (preVote) {
    raft.becomePreCandidate();
  } else {
    raft.becomeCandidate();
  }
  const term = preVote ? raft.term + 1 : raft.term;
  const { term: logTerm, index } = raft.log.lastEntryId();
  const context = type === 'CampaignTransfer' ? CAMPAIGN_TRANSFER : Buffer.alloc(0);
  for (const id of raft.tracker.voterNodes()) {
    if (id === raft.id) {
      // Its own vote counts when it is durable, like any other.
      const response = preVote ? 'MsgPreVoteResp' : 'MsgVoteResp';
      raft.send({
        type: response,
        to: id,
        from: id,
        term,
        reject: false,
        knownCommit: 0,
        knownCommitTerm: 0,
      });
    } else {
      const request = preVote ? 'MsgPreVote' : 'MsgVote';
      raft.send({ type: request, to: id, from: raft.id, term, index, logTerm, context });
    }
  }
}

/**
 * A vote of the leader's own choice is cast at once; all others wait until the leader has been silent for long
 * enough.
 */
export function isProtectingLeader(raft: Raft, { context }: MsgVote | MsgPreVote): boolean {
  const inLease =
    raft.config.checkQuorum && raft.lead !== NONE && raft.electionElapsed < raft.config.electionTick;
  return inLease && !context.equals(CAMPAIGN_TRANSFER);
}

/**
 * Votes, or refuses. Learners vote too: one that was promoted may be needed before it has heard of it, and its vote
 * is only counted by a candidate that knows it as a voter.
 */
export function answerVoteRequest(raft: Raft, message: MsgVote | MsgPreVote): void {
  const { type, from, term, index, logTerm } = message;
  const granted =
    mayVoteFor(raft, message) && raft.log.isUpToDate({ term: logTerm, index }) && raft.recoveringTerm === 0;
  raft.trace?.(`${granted ? 'grants' : 'refuses'} ${type} to ${from.toString(16)} in term ${term}`);
  answer(raft, message, granted);
  if (granted && type === 'MsgVote') {
    raft.electionElapsed = 0;
    raft.vote = from;
  }
}

function mayVoteFor(raft: Raft, { type, from, term }: MsgVote | MsgPreVote): boolean {
  return (
    raft.vote === from ||
    (raft.vote === NONE && raft.lead === NONE) ||
    // A pre-vote is about a term that has not begun, and does not bind.
    (type === 'MsgPreVote' && term > raft.term)
  );
}

function answer(raft: Raft, { type, from, term: asked }: MsgVote | MsgPreVote, granted: boolean): void {
  // A grant bears the term that was asked about, which for a pre-vote is not the voter's own: the candidate would
  // take no notice of an earlier one. A refusal bears the voter's own term, so that a candidate that is behind learns
  // of it.
  const term = granted ? asked : raft.term;
  const vote = { to: from, from: raft.id, term, reject: !granted, ...knownCommit(raft) };
  switch (type) {
    case 'MsgVote':
      raft.send({ type: 'MsgVoteResp', ...vote });
      return;
    case 'MsgPreVote':
      raft.send({ type: 'MsgPreVoteResp', ...vote });
      return;
    default:
      unreachable(type);
  }
}

/** Refuses a pre-vote of an earlier term, which tells the sender of the present one. */
export function refusePreVote(raft: Raft, to: NodeId): void {
  const { id: from, term } = raft;
  raft.send({ type: 'MsgPreVoteResp', to, from, term, reject: true, ...knownCommit(raft) });
}

/** What the candidate is told with the vote, so that it does not count by a configuration that is past. */
function knownCommit(raft: Raft): Pick<MsgVoteResp, 'knownCommit' | 'knownCommitTerm'> {
  const { committed } = raft.log;
  const knownCommitTerm = raft.log.termOrZero(committed);
  // Where the term is not known any more, the index says nothing.
  return { knownCommit: knownCommitTerm === 0 ? 0 : committed, knownCommitTerm };
}

function hasUnappliedConfChanges(raft: Raft): boolean {
  const { applied, committed, maxApplyingBytes } = raft.log;
  return raft.log.some(applied + 1, committed + 1, maxApplyingBytes, isConfChange);
}

export function isConfChange({ type }: Entry): boolean {
  return type === 'EntryConfChange' || type === 'EntryConfChangeV2';
}
