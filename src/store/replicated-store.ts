// SPDX-License-Identifier: Apache-2.0
// The one store of the daemon: a replica, and the files that it has to itself.
import { CofferError, type Logger, type SecretValue } from '../common/index.ts';
import type { Keyring } from '../crypto/index.ts';
import type { ClusterView } from '../membership/index.ts';
import type { StateType } from '../raft/index.ts';
import type { Command, Delivery, Secret } from '../secrets/index.ts';
import type { Database, DirectoryLock, KeyFileSeal } from '../storage/index.ts';
import { DataKeyRotation } from './data-key-rotation.ts';
import type { Clock } from './replica/clock.ts';
import type { SpaceGuard } from './replica/disk-space.ts';
import type { Replica } from './replica/replica.ts';
import type {
  ExportedRecord,
  Freshness,
  Proposed,
  ProposeOptions,
  SecretStore,
  StoreStatus,
} from './secret-store.ts';

export interface StoreParts {
  readonly replica: Replica;
  /** Held until the store is closed. */
  readonly lock: DirectoryLock;
  readonly keyring: Keyring;
  readonly seal: KeyFileSeal;
  readonly database: Database;
  readonly diskSpace: SpaceGuard;
  readonly clock: Clock;
  readonly logger: Logger;
}

const ROLES = {
  StateLeader: 'leader',
  StateFollower: 'follower',
  StateCandidate: 'candidate',
  StatePreCandidate: 'candidate',
} as const satisfies Record<StateType, StoreStatus['role']>;

/** How long a start waits for a read round before it looks whether the store has failed. */
const START_ROUND_MS = 1_000;

/** See `SecretStore` for what it promises. */
export class ReplicatedStore implements SecretStore {
  readonly #parts: StoreParts;
  /** Of this node's own data key. */
  readonly dataKey: DataKeyRotation;
  #closing: Promise<void> | undefined;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.dataKey = new DataKeyRotation(parts);
  }

  /** Takes part from now on. A node that is the only voter resolves when it leads and has caught up with its log. */
  async start(): Promise<void> {
    const { replica } = this.#parts;
    replica.start();
    const { voters } = replica.state.confState;
    if (voters.length === 1 && voters[0] === replica.identity.raftId) {
      while ((await replica.readBarrier(START_ROUND_MS)) !== 'linearizable') {
        this.#check();
      }
    }
    this.#check();
    void this.dataKey.resume();
  }

  propose(command: Command, options?: ProposeOptions): Promise<Proposed> {
    return this.#parts.replica.propose(command, options);
  }

  readBarrier(timeout_ms: number): Promise<Freshness> {
    return this.#parts.replica.readBarrier(timeout_ms);
  }

  get cluster(): ClusterView {
    this.#check();
    return this.#parts.replica.state.index.cluster;
  }

  /** What the cluster's own rooms need: messages, membership, leadership. */
  get replica(): Replica {
    return this.#parts.replica;
  }

  /** How the node's keys lie on its disk. */
  get seal(): KeyFileSeal {
    return this.#parts.seal;
  }

  byId(id: string): Secret | undefined {
    this.#checkReadable();
    return this.#parts.replica.state.index.byId(id);
  }

  byName(name: string): Secret | undefined {
    this.#checkReadable();
    return this.#parts.replica.state.index.byName(name);
  }

  byEngineId(engineId: string): Secret | undefined {
    this.#checkReadable();
    return this.#parts.replica.state.index.byEngineId(engineId);
  }

  list(): readonly Secret[] {
    this.#checkReadable();
    return this.#parts.replica.state.index.list();
  }

  deliveredVersion(taskId: string, secretId: string): number | undefined {
    this.#checkReadable();
    return this.#parts.replica.state.index.deliveries.deliveredVersion(taskId, secretId);
  }

  versionUnder(key: string): number | undefined {
    this.#checkReadable();
    return this.#parts.replica.state.index.deliveries.versionUnder(key);
  }

  deliveries(): readonly Delivery[] {
    this.#checkReadable();
    return this.#parts.replica.state.index.deliveries.list();
  }

  readValue(secretId: string, version: number): SecretValue {
    this.#checkReadable();
    return this.#parts.replica.state.readValue(secretId, version);
  }

  exportSecrets(): AsyncIterable<ExportedRecord> {
    this.#checkReadable();
    return this.#parts.replica.exportSecrets();
  }

  status(): StoreStatus {
    this.#check();
    const { replica, keyring, diskSpace, seal } = this.#parts;
    const { clusterId, nodeId } = replica.identity;
    const { raftState, term, commit, applied, lastIndex, lastTerm } = replica.status();
    return {
      role: ROLES[raftState],
      clusterId,
      nodeId,
      term,
      firstIndex: replica.firstIndex,
      appliedIndex: applied,
      commitIndex: commit,
      lastIndex,
      lastTerm,
      secrets: replica.state.index.size,
      loaded_percent: replica.state.load.progress_percent,
      dataKeyId: keyring.active.id.toString('hex'),
      dataKeySealed: seal.current.unlockKeyId !== undefined,
      diskFree_bytes: diskSpace.free_bytes,
    };
  }

  /** Whether all secrets can be listed. */
  get isLoaded(): boolean {
    return this.#parts.replica.state.load.progress_percent === undefined;
  }

  /** Resolves when all secrets can be listed, or the store has ended. Never rejects. */
  loaded(): Promise<void> {
    return this.#parts.replica.state.load.ended;
  }

  /** Finishes what was proposed, writes all down, and lets go of the disk. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { database, keyring, lock, replica, seal } = this.#parts;
    this.dataKey.close();
    try {
      await replica.close();
    } finally {
      await database.close();
      await seal.close();
      await lock.release();
      keyring.wipe();
    }
  }

  /** A node that has just joined knows nothing yet, and must not say that there is nothing. */
  #checkReadable(): void {
    this.#check();
    if (this.#parts.replica.state.confState.voters.length === 0) {
      throw new CofferError('cluster.joining', 'the manager has joined, and is still catching up', {
        hint: 'Try again in a moment; docker coffer node ls on another manager shows it as ready.',
      });
    }
  }

  #check(): void {
    const { ended } = this.#parts.replica;
    if (ended !== undefined) {
      throw ended;
    }
  }
}
