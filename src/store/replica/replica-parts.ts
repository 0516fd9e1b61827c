// SPDX-License-Identifier: Apache-2.0
// What a replica is made of, and how its core is set up.
import type { CofferError, Logger } from '../../common/index.ts';
import type { Keyring } from '../../crypto/index.ts';
import type { HardState, RaftConfig, RaftStorage } from '../../raft/index.ts';
import type { CheckpointFile, Database, RaftLog } from '../../storage/index.ts';
import type { Clock } from './clock.ts';
import type { SpaceGuard } from './disk-space.ts';
import type { NodeIdentity } from './node-identity.ts';
import type { ReplicaSettings } from './replica-settings.ts';
import type { SecretState } from '../state/secret-state.ts';
import type { Transport } from './transport.ts';

/** The parts of an opened replica, and what it lives among. */
export interface ReplicaParts {
  readonly identity: NodeIdentity;
  readonly keyring: Keyring;
  readonly database: Database;
  readonly checkpointFile: CheckpointFile;
  readonly log: RaftLog;
  readonly state: SecretState;
  readonly hardState: HardState;
  /** Not 0 while the node has lost what it had acknowledged; see `RaftConfig`. */
  readonly recoveringTerm: number;
  readonly clock: Clock;
  readonly transport: Transport;
  /** An integer from 0 to `limit` - 1. */
  readonly random: (limit: number) => number;
  readonly diskSpace: SpaceGuard;
  readonly settings: ReplicaSettings;
  readonly logger: Logger;
  /** Called once, after a storage error or when a committed entry cannot be applied: the process must end. */
  readonly onFault: (error: CofferError) => void;
  /** Told in a sentence what the core does; for traces. */
  readonly trace?: ((event: string) => void) | undefined;
}

/** What one round applies at most, so that the event loop is not held up for long. */
const COMMITTED_BYTES_PER_ROUND = 4 * 1024 * 1024;

/** Reads ask a quorum each time: a lease would trust that all clocks run at the same rate. */
export function coreConfig(parts: ReplicaParts, storage: RaftStorage): RaftConfig {
  const { identity, recoveringTerm, settings, state } = parts;
  return {
    id: identity.raftId,
    storage,
    applied: state.appliedIndex,
    electionTick: settings.electionTicks,
    heartbeatTick: settings.heartbeatTicks,
    asyncStorageWrites: true,
    maxSizePerMsg: settings.appendBytesMax,
    maxCommittedSizePerReady: COMMITTED_BYTES_PER_ROUND,
    maxUncommittedEntriesSize: settings.uncommittedBytesMax,
    maxInflightMsgs: settings.inflightAppendsMax,
    maxInflightBytes: settings.inflightBytesMax,
    checkQuorum: true,
    preVote: true,
    readOnlyOption: 'ReadOnlySafe',
    disableProposalForwarding: false,
    disableConfChangeValidation: false,
    stepDownOnRemoval: true,
    random: parts.random,
    recoveringTerm,
    trace: parts.trace,
  };
}
