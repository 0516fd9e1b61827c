// SPDX-License-Identifier: Apache-2.0
// The messages of the Raft core: between nodes, to the node itself, and to and from its storage.
import type { Entry, NodeId, Snapshot } from './types.ts';

interface Envelope {
  readonly to: NodeId;
  readonly from: NodeId;
  /** The sender's term; 0 in messages that stand outside of terms. */
  readonly term: number;
}

/** Stand for election. */
export interface MsgHup extends Envelope {
  readonly type: 'MsgHup';
}

/** Send heartbeats to all peers. */
export interface MsgBeat extends Envelope {
  readonly type: 'MsgBeat';
}

/** Append these entries; index and term are the leader's to set. Followers forward it. */
export interface MsgProp extends Envelope {
  readonly type: 'MsgProp';
  readonly entries: readonly Entry[];
}

/** The leader's entries after `index`, whose own term is `logTerm`. */
export interface MsgApp extends Envelope {
  readonly type: 'MsgApp';
  readonly index: number;
  readonly logTerm: number;
  readonly entries: readonly Entry[];
  readonly commit: number;
}

/**
 * The log is durable up to `index`; or, with `reject`, there is no entry `index` of the term that was named. Then
 * `rejectHint` is the last index at which the logs may agree, and `logTerm` the term of the entry there.
 */
export interface MsgAppResp extends Envelope {
  readonly type: 'MsgAppResp';
  readonly index: number;
  readonly logTerm: number;
  readonly reject: boolean;
  readonly rejectHint: number;
  /**
   * The sender has lost what it had acknowledged in terms up to this one, and does not vote until an entry of a later
   * term is committed: the leader must not count it. 0 for a node that is whole.
   */
  readonly recoveringTerm: number;
}

/** Vote for the sender, whose log ends with `index` of `logTerm`. `context` is `CampaignTransfer` when the leader asked for it. */
export interface MsgVote extends Envelope {
  readonly type: 'MsgVote';
  readonly index: number;
  readonly logTerm: number;
  readonly context: Buffer;
}

/** What a candidate is told beside the vote, so that it does not count votes by a configuration that is past. */
interface VoterCommit {
  /** How far the voter knows the log to be committed. */
  readonly knownCommit: number;
  /** The term of the entry there. */
  readonly knownCommitTerm: number;
}

export interface MsgVoteResp extends Envelope, VoterCommit {
  readonly type: 'MsgVoteResp';
  readonly reject: boolean;
}

/** Would you vote for the sender? `term` is the one that it would stand in. */
export interface MsgPreVote extends Envelope {
  readonly type: 'MsgPreVote';
  readonly index: number;
  readonly logTerm: number;
  readonly context: Buffer;
}

export interface MsgPreVoteResp extends Envelope, VoterCommit {
  readonly type: 'MsgPreVoteResp';
  readonly reject: boolean;
}

/** Take this state in the place of your log. */
export interface MsgSnap extends Envelope {
  readonly type: 'MsgSnap';
  readonly snapshot: Snapshot;
}

/** The leader is there. `commit` is no further than what the receiver is known to have. */
export interface MsgHeartbeat extends Envelope {
  readonly type: 'MsgHeartbeat';
  readonly commit: number;
  /** The position of the last read that waits for a quorum, 8 bytes, or empty; it comes back in the answer. */
  readonly context: Buffer;
}

export interface MsgHeartbeatResp extends Envelope {
  readonly type: 'MsgHeartbeatResp';
  readonly context: Buffer;
}

/** From the driver: `from` could not be reached. */
export interface MsgUnreachable extends Envelope {
  readonly type: 'MsgUnreachable';
}

/** From the driver: `from` got the snapshot; or, with `reject`, it did not. */
export interface MsgSnapStatus extends Envelope {
  readonly type: 'MsgSnapStatus';
  readonly reject: boolean;
}

/** Step down unless a quorum was heard from. */
export interface MsgCheckQuorum extends Envelope {
  readonly type: 'MsgCheckQuorum';
}

/** Hand the leadership to `from`. */
export interface MsgTransferLeader extends Envelope {
  readonly type: 'MsgTransferLeader';
}

/** Stand for election now: the leader asks for it. */
export interface MsgTimeoutNow extends Envelope {
  readonly type: 'MsgTimeoutNow';
}

/** Which index must be applied before a read that begins now? Followers forward it. */
export interface MsgReadIndex extends Envelope {
  readonly type: 'MsgReadIndex';
  /** The request; it comes back in the answer. */
  readonly context: Buffer;
}

export interface MsgReadIndexResp extends Envelope {
  readonly type: 'MsgReadIndexResp';
  readonly index: number;
  readonly context: Buffer;
}

/**
 * To the writer of the log: make this durable, then deliver `responses`. `term`, `vote` and `commit` are all 0 if the
 * hard state did not change. Without responses it need not be durable.
 */
export interface MsgStorageAppend extends Envelope {
  readonly type: 'MsgStorageAppend';
  readonly vote: NodeId;
  readonly commit: number;
  readonly entries: readonly Entry[];
  readonly snapshot: Snapshot | undefined;
  readonly responses: readonly Message[];
}

/** The log is durable up to `index`, whose term is `logTerm` (0 for no change), and the snapshot has been taken over. */
export interface MsgStorageAppendResp extends Envelope {
  readonly type: 'MsgStorageAppendResp';
  readonly index: number;
  readonly logTerm: number;
  readonly snapshot: Snapshot | undefined;
}

/** To the state machine: apply these committed entries in order, then deliver `responses`. */
export interface MsgStorageApply extends Envelope {
  readonly type: 'MsgStorageApply';
  readonly entries: readonly Entry[];
  readonly responses: readonly Message[];
}

export interface MsgStorageApplyResp extends Envelope {
  readonly type: 'MsgStorageApplyResp';
  readonly entries: readonly Entry[];
}

/** Forget the leader without standing for election, so that another one can be elected at once. */
export interface MsgForgetLeader extends Envelope {
  readonly type: 'MsgForgetLeader';
}

export type Message =
  | MsgHup
  | MsgBeat
  | MsgProp
  | MsgApp
  | MsgAppResp
  | MsgVote
  | MsgVoteResp
  | MsgSnap
  | MsgHeartbeat
  | MsgHeartbeatResp
  | MsgUnreachable
  | MsgSnapStatus
  | MsgCheckQuorum
  | MsgTransferLeader
  | MsgTimeoutNow
  | MsgReadIndex
  | MsgReadIndexResp
  | MsgPreVote
  | MsgPreVoteResp
  | MsgStorageAppend
  | MsgStorageAppendResp
  | MsgStorageApply
  | MsgStorageApplyResp
  | MsgForgetLeader;

export type MessageType = Message['type'];

/** The kinds that travel between nodes. All others stay within one. */
export const PEER_MESSAGE_TYPES = [
  'MsgProp',
  'MsgApp',
  'MsgAppResp',
  'MsgVote',
  'MsgVoteResp',
  'MsgSnap',
  'MsgHeartbeat',
  'MsgHeartbeatResp',
  'MsgTransferLeader',
  'MsgTimeoutNow',
  'MsgReadIndex',
  'MsgReadIndexResp',
  'MsgPreVote',
  'MsgPreVoteResp',
] as const satisfies readonly MessageType[];

export type PeerMessage = Extract<Message, { readonly type: (typeof PEER_MESSAGE_TYPES)[number] }>;

/** What `MsgVote.context` holds when the leader handed over: the vote is asked for in spite of a living leader. */
export const CAMPAIGN_TRANSFER = Buffer.from('CampaignTransfer');
