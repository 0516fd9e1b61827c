// SPDX-License-Identifier: Apache-2.0
// What is true of every message between sound nodes. A node checks what it sends and what it receives by the same rules: the
// core takes much for granted, and a message that breaks a rule would end the receiver instead of the connection.
import { unreachable } from '../../common/index.ts';
import type { MsgApp, MsgProp, PeerMessage } from '../message.ts';
import { type ConfState, LOCAL_APPLY_THREAD, NONE, type NodeId, type Snapshot } from '../types.ts';

/** Which rule `message` breaks, in words that go on after "a message"; undefined for none. */
export function brokenRule(message: PeerMessage): string | undefined {
  if (!isNode(message.to) || !isNode(message.from)) {
    return 'comes from no node or goes to none';
  }
  // The core takes a message of term 0 for one from within, which it believes without comparing terms.
  const outsideTerms = message.type === 'MsgProp' || message.type === 'MsgReadIndex';
  if (outsideTerms !== (message.term === 0)) {
    return 'has a term where its kind has none, or none where its kind has one';
  }
  switch (message.type) {
    case 'MsgProp':
      return brokenProposalRule(message);
    case 'MsgApp':
      return brokenAppendRule(message);
    case 'MsgSnap':
      return brokenSnapshotRule(message.snapshot);
    case 'MsgAppResp':
    case 'MsgVote':
    case 'MsgVoteResp':
    case 'MsgPreVote':
    case 'MsgPreVoteResp':
    case 'MsgHeartbeat':
    case 'MsgHeartbeatResp':
    case 'MsgTransferLeader':
    case 'MsgTimeoutNow':
    case 'MsgReadIndex':
    case 'MsgReadIndexResp':
      return undefined;
    default:
      return unreachable(message);
  }
}

function isNode(id: NodeId): boolean {
  return id > NONE && id < LOCAL_APPLY_THREAD;
}

function brokenProposalRule({ entries }: MsgProp): string | undefined {
  if (entries.length === 0) {
    return 'proposes nothing';
  }
  return entries.every(({ index, term }) => index === 0 && term === 0)
    ? undefined
    : 'proposes an entry that has its place already';
}

/** The log matching property begins here: the entries follow on `index` without gaps, and terms never go back (paper, 5.3). */
function brokenAppendRule(message: MsgApp): string | undefined {
  let index = message.index;
  let term = message.logTerm;
  for (const entry of message.entries) {
    index += 1;
    if (entry.index !== index || entry.term < term || entry.term === 0 || entry.term > message.term) {
      return 'appends entries that do not follow on each other';
    }
    term = entry.term;
  }
  return undefined;
}

function brokenSnapshotRule({ metadata }: Snapshot): string | undefined {
  if (metadata.index === 0 || metadata.term === 0) {
    return 'holds a snapshot of nothing';
  }
  return isConfiguration(metadata.confState) ? undefined : 'holds a configuration that cannot be';
}

/** As the algebra of configuration changes leaves it: somebody votes, and nobody is both a voter and a learner. */
function isConfiguration(confState: ConfState): boolean {
  const { voters, learners, votersOutgoing, learnersNext, autoLeave } = confState;
  const joint = votersOutgoing.length > 0;
  const incoming = new Set(voters);
  const outgoing = new Set(votersOutgoing);
  return (
    voters.length > 0 &&
    [voters, learners, votersOutgoing, learnersNext].every(isAscending) &&
    learners.every((id) => !incoming.has(id) && !outgoing.has(id)) &&
    learnersNext.every((id) => outgoing.has(id) && !incoming.has(id)) &&
    (joint || !autoLeave)
  );
}

function isAscending(ids: readonly NodeId[]): boolean {
  return ids.every((id, place) => isNode(id) && (place === 0 || id > (ids[place - 1] ?? NONE)));
}
