// SPDX-License-Identifier: Apache-2.0
// What a node of the core is started with.
import { invariant } from '../common/index.ts';
import type { RaftStorage } from './storage.ts';
import { LOCAL_APPLY_THREAD, NONE, type NodeId } from './types.ts';

/**
 * How a leader makes sure that it still leads before it answers a read (thesis, 6.4): `ReadOnlySafe` asks a quorum
 * each time; `ReadOnlyLeaseBased` trusts that no one is elected within an election timeout of its last quorum, which
 * holds only while all clocks run at much the same rate.
 */
export type ReadOnlyOption = 'ReadOnlySafe' | 'ReadOnlyLeaseBased';

export interface RaftConfig {
  /** 1 to 2^53 - 3. */
  readonly id: NodeId;
  /** Ticks without a leader after which a node stands for election; each time, up to twice as many are drawn. */
  readonly electionTick: number;
  /** Ticks between two heartbeats; less than `electionTick`, a tenth of it is usual. */
  readonly heartbeatTick: number;
  readonly storage: RaftStorage;
  /** The last index that the state machine has applied; 0 for none. */
  readonly applied: number;
  /** Writing leaves as `MsgStorageAppend` and `MsgStorageApply`, whose responses take the place of `advance`. */
  readonly asyncStorageWrites: boolean;
  /** Bytes of entries in one `MsgApp`; Infinity for no limit, 0 for one entry a message. */
  readonly maxSizePerMsg: number;
  /** Bytes of committed entries that are handed out and not applied yet; 0 for as many as `maxSizePerMsg`. */
  readonly maxCommittedSizePerReady: number;
  /** Bytes of data that a leader appends beyond what is committed before it drops proposals; 0 for no limit. */
  readonly maxUncommittedEntriesSize: number;
  /** `MsgApp`s on their way to one peer, at least 1. */
  readonly maxInflightMsgs: number;
  /** Bytes on their way to one peer, at least `maxSizePerMsg`; 0 for no limit. */
  readonly maxInflightBytes: number;
  /** A leader that has not heard from a quorum for `electionTick` ticks steps down (thesis, 6.2). */
  readonly checkQuorum: boolean;
  /** A node asks whether it could win before it stands (thesis, 9.6). */
  readonly preVote: boolean;
  /** `ReadOnlyLeaseBased` requires `checkQuorum`. */
  readonly readOnlyOption: ReadOnlyOption;
  /** A follower drops proposals in place of passing them on to the leader. */
  readonly disableProposalForwarding: boolean;
  /** The leader appends membership changes unchecked. Only for those who check them by themselves. */
  readonly disableConfChangeValidation: boolean;
  /** A leader that is removed or made a learner steps down as soon as it applies that. */
  readonly stepDownOnRemoval: boolean;
  /** An integer from 0 to `limit` - 1: the one source of randomness, from which elections draw their timeouts. */
  readonly random: (limit: number) => number;
  /** 0; or the highest term in which this node may have acknowledged what its disk has lost since. */
  readonly recoveringTerm: number;
  /** Told in a sentence what happens; undefined for nobody. */
  readonly trace?: ((event: string) => void) | undefined;
}

/** Throws `internal.invariant` if the configuration contradicts itself. */
export function checkConfig(config: RaftConfig): void {
  invariant(
    Number.isSafeInteger(config.id) && config.id > NONE && config.id < LOCAL_APPLY_THREAD,
    `${config.id} cannot be a node's id`,
  );
  invariant(config.heartbeatTick > 0, 'heartbeats are at least one tick apart');
  invariant(config.electionTick > config.heartbeatTick, 'an election timeout is longer than a heartbeat');
  invariant(config.maxInflightMsgs > 0, 'at least one append may be on its way');
  invariant(
    config.maxInflightBytes === 0 || config.maxInflightBytes >= config.maxSizePerMsg,
    'a full message may be on its way',
  );
  invariant(
    config.readOnlyOption === 'ReadOnlySafe' || config.checkQuorum,
    'a lease for reads requires that leaders check their quorum',
  );
}
