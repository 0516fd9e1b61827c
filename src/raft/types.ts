// SPDX-License-Identifier: Apache-2.0
// The words that the Raft core and its driver share. They are those of etcd's raft library.

/** Names a node within its cluster: 1 to 2^53 - 3, never used twice. */
export type NodeId = number;

/** No node. */
export const NONE: NodeId = 0;

/** Where `MsgStorageAppend` goes, and what answers it: the writer of the log. */
export const LOCAL_APPEND_THREAD: NodeId = Number.MAX_SAFE_INTEGER;

/** Where `MsgStorageApply` goes, and what answers it: the state machine. */
export const LOCAL_APPLY_THREAD: NodeId = Number.MAX_SAFE_INTEGER - 1;

export const ENTRY_TYPES = ['EntryNormal', 'EntryConfChange', 'EntryConfChangeV2'] as const;
/** What an entry's data is: a command of the driver's, or a `ConfChange`, or a `ConfChangeV2`. */
export type EntryType = (typeof ENTRY_TYPES)[number];

/** An entry of the replicated log. */
export interface Entry {
  /** Counts from 1 without gaps. In a proposal it is 0, and the leader sets it. */
  readonly index: number;
  /** The leader's term in which it was appended. In a proposal it is 0, and the leader sets it. */
  readonly term: number;
  readonly type: EntryType;
  /** Empty for the entry that a new leader begins its term with. Shared, and treated as frozen by the core. */
  readonly data: Buffer;
}

/** What a node must have on disk before it may answer for it: one record, since a vote belongs to its term. */
export interface HardState {
  readonly term: number;
  /** The node voted for in `term`; `NONE` for none. */
  readonly vote: NodeId;
  readonly commit: number;
}

const STATE_TYPES = ['StateFollower', 'StateCandidate', 'StateLeader', 'StatePreCandidate'] as const;
export type StateType = (typeof STATE_TYPES)[number];

/** What a node knows of the moment, and need not remember. */
export interface SoftState {
  /** The leader; `NONE` while none is known. */
  readonly lead: NodeId;
  readonly raftState: StateType;
}

/** Who takes part, as of an index of the log. Lists are in ascending order. */
export interface ConfState {
  readonly voters: readonly NodeId[];
  readonly learners: readonly NodeId[];
  /** The voters of the configuration that is being left; empty unless the configuration is joint. */
  readonly votersOutgoing: readonly NodeId[];
  /** Those that become learners when the joint configuration is left; they are voters of the outgoing one. */
  readonly learnersNext: readonly NodeId[];
  /** Whether the leader leaves the joint configuration by itself. */
  readonly autoLeave: boolean;
}

export interface SnapshotMetadata {
  readonly confState: ConfState;
  /** The last entry that the snapshot stands for. */
  readonly index: number;
  readonly term: number;
}

/** A state that stands for all entries up to an index. The state itself travels beside the message, as a stream. */
export interface Snapshot {
  /** What the driver needs to recognise and verify the stream; opaque to the core. */
  readonly data: Buffer;
  readonly metadata: SnapshotMetadata;
}

export const CONF_CHANGE_TYPES = [
  'ConfChangeAddNode',
  'ConfChangeRemoveNode',
  'ConfChangeUpdateNode',
  'ConfChangeAddLearnerNode',
] as const;
export type ConfChangeType = (typeof CONF_CHANGE_TYPES)[number];

export const CONF_CHANGE_TRANSITIONS = [
  /** The simple protocol where one change is asked for, and else joint consensus that is left by itself. */
  'ConfChangeTransitionAuto',
  /** Joint consensus that the leader leaves by itself. */
  'ConfChangeTransitionJointImplicit',
  /** Joint consensus until an empty change is proposed. */
  'ConfChangeTransitionJointExplicit',
] as const;
export type ConfChangeTransition = (typeof CONF_CHANGE_TRANSITIONS)[number];

export interface ConfChangeSingle {
  readonly type: ConfChangeType;
  readonly nodeId: NodeId;
}

/** One change of one node: the first form, which is always the simple protocol. */
export interface ConfChange extends ConfChangeSingle {
  readonly kind: 'v1';
  /** Opaque to the core. */
  readonly context: Buffer;
}

/** Any number of changes at once. None at all leaves a joint configuration. */
export interface ConfChangeV2 {
  readonly kind: 'v2';
  readonly transition: ConfChangeTransition;
  readonly changes: readonly ConfChangeSingle[];
  /** Opaque to the core. */
  readonly context: Buffer;
}

export type AnyConfChange = ConfChange | ConfChangeV2;

/** The answer to `readIndex`: the state must be applied up to `index` before the read is answered from it. */
export interface ReadState {
  readonly index: number;
  /** What the read was asked with. */
  readonly requestCtx: Buffer;
}
