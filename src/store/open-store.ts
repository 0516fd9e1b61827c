// SPDX-License-Identifier: Apache-2.0
// Opening the store: the first start, and every later one with all that it verifies before it serves.
import { randomInt } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { CofferError, type Logger, type SecretValue } from '../common/index.ts';
import { Keyring } from '../crypto/index.ts';
import type { NodeId } from '../raft/index.ts';
import { newSecretId } from '../secrets/index.ts';
import {
  type Checkpoint,
  checkTables,
  DirectoryLock,
  DiskCheckpointFile,
  exists,
  KeyFileSeal,
  LevelDatabase,
  type LogLimits,
  makePrivateDirectory,
  readKeyFile,
  StartCopy,
  syncDirectory,
  writeKeyFile,
} from '../storage/index.ts';
import { systemClock } from './replica/clock.ts';
import { DamageMarker, isDamage } from './damage-marker.ts';
import { DiskSpace } from './replica/disk-space.ts';
import { createReplica, openReplica, type OpenReplicaOptions } from './replica/open-replica.ts';
import { DEFAULT_SETTINGS, type ReplicaSettings } from './replica/replica-settings.ts';
import { ReplicatedStore } from './replicated-store.ts';
import { noPeers, type Transport } from './replica/transport.ts';
import type { NodeIdentity } from './replica/node-identity.ts';
import { type StoreFiles, storeFiles } from './store-files.ts';

export interface OpenStoreOptions {
  /** Absolute path; made with mode 0700 if it is not there. */
  readonly stateDirectory: string;
  readonly logger: Logger;
  /**
   * Called once, when the disk failed or a committed entry could not be applied while the store served: the
   * process must end. What fails before is thrown.
   */
  readonly onFault: (error: CofferError) => void;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic_ms: () => number;
  /** The way to the other managers. Default: there are none. */
  readonly transport?: Transport | undefined;
  /** Who this node is in the cluster that it has joined: a store that is made for it waits for the others. Default: a
   * cluster of its own. */
  readonly joined?: NodeIdentity | undefined;
  /** The unlock key, if this process was given one. Whoever gives it keeps it. */
  readonly unlockKey?: (() => SecretValue | undefined) | undefined;
  /** See `OpenReplicaOptions`. */
  readonly forceNewCluster?: OpenReplicaOptions['forceNewCluster'];
  readonly logLimits?: LogLimits | undefined;
  /** See `ReplicaSettings`. */
  readonly secretsReadFirstMax?: number | undefined;
  /** Bytes of disk that are never used for new values. Default: 48 MiB. */
  readonly diskReserve_bytes?: number | undefined;
}

/** Ids of nodes are 48 bits long, drawn at random: there are never so many that two would be the same. */
const RAFT_ID_LIMIT = 2 ** 48 - 1;

/**
 * Opens the store in the state directory, or makes it at the first start. Throws `store.damaged` with what is
 * wrong, and leaves it as it was; `store.in-use` while another process has it; `store.locked` and `unlock.wrong-key` if its
 * keys are sealed; and `store.faulted` if the disk cannot be used.
 */
export async function openStore(options: OpenStoreOptions): Promise<ReplicatedStore> {
  const files = storeFiles(options.stateDirectory);
  let lock: DirectoryLock | undefined;
  try {
    await makePrivateDirectory(options.stateDirectory);
    lock = await DirectoryLock.acquire(files.lock);
    const keyFile = await readKeyFile(files.keys, options.unlockKey?.());
    if (keyFile === undefined) {
      await refuseDataWithoutKeys(files);
    }
    if (keyFile?.initialized !== true) {
      await initialize(files, options);
    }
    return await openInitialized(files, lock, options);
  } catch (thrown) {
    await lock?.release();
    throw withMend(CofferError.from(thrown, 'store.faulted'), options.stateDirectory);
  }
}

/** An id in the log for a node that is to be a manager. It is used once. */
export function newRaftId(): NodeId {
  return randomInt(1, RAFT_ID_LIMIT);
}

/** Deletes a store that is closed, its keys first: without them the rest says nothing. */
export async function removeStore(stateDirectory: string): Promise<void> {
  const { checkpoint, damageMarker, database, keys } = storeFiles(stateDirectory);
  for (const file of [keys, checkpoint, damageMarker, database]) {
    await rm(file, { recursive: true, force: true });
  }
  await syncDirectory(stateDirectory);
}

async function initialize(files: StoreFiles, { joined, logger }: OpenStoreOptions): Promise<void> {
  // Nothing was acknowledged before `initialized` was written: what an interrupted first start left is in the way.
  await rm(files.database, { recursive: true, force: true });
  const keyring = Keyring.generate();
  await writeKeyFile(files.keys, { keyring, initialized: false });
  const identity = joined ?? { clusterId: newSecretId(), nodeId: newSecretId(), raftId: newRaftId() };
  const database = await LevelDatabase.open(files.database);
  let first: Checkpoint;
  try {
    first = await createReplica(database, keyring, identity, joined === undefined ? [identity.raftId] : []);
  } finally {
    await database.close();
  }
  const checkpoint = await DiskCheckpointFile.create(files.checkpoint, keyring, first);
  await checkpoint.close();
  await writeKeyFile(files.keys, { keyring, initialized: true });
  keyring.wipe();
  logger.info('made a new store', { cluster: identity.clusterId, node: identity.nodeId });
}

async function openInitialized(
  files: StoreFiles,
  lock: DirectoryLock,
  options: OpenStoreOptions,
): Promise<ReplicatedStore> {
  const keys = await openKeys(files, options);
  const { file: checkpointFile, checkpoint } = await DiskCheckpointFile.open(files.checkpoint, keys.keyring);
  const marker = new DamageMarker(files.damageMarker);
  const starting = new Starting(options.onFault, marker);
  const damageFound = await marker.isSet();
  let store: ReplicatedStore;
  try {
    store = await withVerifiedDatabase(files, async (database, onVerified) => {
      const diskSpace = new DiskSpace({
        directory: options.stateDirectory,
        reserve_bytes: options.diskReserve_bytes,
        now_ms: options.monotonic_ms,
      });
      const replica = await openReplica({
        keyring: keys.keyring,
        database,
        checkpointFile,
        checkpoint,
        clock: systemClock,
        transport: options.transport ?? noPeers,
        forceNewCluster: options.forceNewCluster,
        onVerified,
        random: (limit) => randomInt(limit),
        diskSpace,
        settings: settingsOf(options, damageFound),
        logger: options.logger,
        onFault: starting.onFault,
      });
      const { logger } = options;
      return new ReplicatedStore({ replica, lock, ...keys, database, diskSpace, clock: systemClock, logger });
    });
  } catch (thrown) {
    await checkpointFile.close();
    throw thrown;
  }
  await start(store, marker, damageFound);
  starting.done();
  return store;
}

async function openKeys(
  files: StoreFiles,
  options: OpenStoreOptions,
): Promise<{ readonly keyring: Keyring; readonly seal: KeyFileSeal }> {
  const unlockKey = options.unlockKey?.();
  const keyFile = await readKeyFile(files.keys, unlockKey);
  if (keyFile === undefined) {
    throw new CofferError('store.damaged', `${files.keys} is gone`);
  }
  const { keyring, seal } = keyFile;
  return {
    keyring,
    seal: new KeyFileSeal({
      file: files.keys,
      keyring,
      seal,
      unlockKey: seal.unlockKeyId === undefined ? undefined : unlockKey,
    }),
  };
}

/** What was verified begins to serve; if it cannot, it is closed. */
async function start(store: ReplicatedStore, marker: DamageMarker, damageFound: boolean): Promise<void> {
  try {
    if (damageFound) {
      // All of it was verified now, and nothing is wrong any more.
      await marker.clear();
    }
    await store.start();
  } catch (thrown) {
    const error = CofferError.from(thrown, 'store.faulted');
    await marker.note(error);
    await store.close();
    throw isDamage(error) ? new CofferError('store.damaged', error.detail, { cause: error }) : error;
  }
}

/** Once damage was found, a start reads everything before it serves. */
function settingsOf(options: OpenStoreOptions, damageFound: boolean): ReplicaSettings {
  const { logLimits, secretsReadFirstMax } = DEFAULT_SETTINGS;
  const readFirstMax = options.secretsReadFirstMax ?? secretsReadFirstMax;
  return {
    ...DEFAULT_SETTINGS,
    logLimits: options.logLimits ?? logLimits,
    secretsReadFirstMax: damageFound ? Number.POSITIVE_INFINITY : readFirstMax,
  };
}

/** Until the store serves, a fault is thrown to whoever opens it, and the process need not end. */
class Starting {
  readonly #onFault: (error: CofferError) => void;
  readonly #marker: DamageMarker;
  #serving = false;

  constructor(onFault: (error: CofferError) => void, marker: DamageMarker) {
    this.#onFault = onFault;
    this.#marker = marker;
  }

  readonly onFault = (error: CofferError): void => {
    if (!this.#serving) {
      return;
    }
    if (isDamage(error)) {
      void this.#tellOfDamage(error);
    } else {
      this.#onFault(error);
    }
  };

  done(): void {
    this.#serving = true;
  }

  /** The process ends when the next start is sure to look for the damage before it serves. */
  async #tellOfDamage(error: CofferError): Promise<void> {
    await this.#marker.note(error);
    this.#onFault(error);
  }
}

/**
 * Opens the database for `verify` to look into. If it refuses what it finds, the database stays as it was, unless it has called
 * `onVerified`: what it writes after that stays too.
 */
async function withVerifiedDatabase<T>(
  files: StoreFiles,
  verify: (database: LevelDatabase, onVerified: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const startCopy = new StartCopy(files.database);
  await startCopy.restore();
  await requireDatabase(files);
  await checkTables(files.database);
  await startCopy.make();
  let database: LevelDatabase | undefined;
  let discarded: Promise<void> | undefined;
  const discard = (): Promise<void> => (discarded ??= startCopy.discard());
  try {
    database = await LevelDatabase.open(files.database);
    const verified = await verify(database, discard);
    await discard();
    return verified;
  } catch (thrown) {
    await database?.close();
    if (thrown instanceof CofferError && thrown.code === 'store.in-use') {
      await startCopy.discard();
    } else {
      await startCopy.restore();
    }
    throw thrown;
  }
}

async function refuseDataWithoutKeys(files: StoreFiles): Promise<void> {
  for (const file of [files.database, files.checkpoint]) {
    if (await exists(file)) {
      throw new CofferError('store.damaged', `${file} is there, but ${files.keys} with its keys is gone`);
    }
  }
}

async function requireDatabase(files: StoreFiles): Promise<void> {
  // LevelDB would make an empty database in its place.
  if (!(await exists(path.join(files.database, 'CURRENT')))) {
    throw new CofferError('store.damaged', `${files.database} holds no database any more`);
  }
}

function withMend(error: CofferError, stateDirectory: string): CofferError {
  const { code, detail } = error;
  if (error.hint !== undefined) {
    return error;
  }
  if (code === 'store.damaged') {
    const hint =
      'Nothing was changed in what is stored. Beside other managers, docker coffer rebuild copies all of it from them. The only ' +
      `manager: put back a copy of ${stateDirectory} from before the damage, or move it away and restore a backup.`;
    return new CofferError(code, detail, { cause: error, hint });
  }
  if (code === 'store.faulted') {
    const hint = `See that the disk of ${stateDirectory} can be read and written, and has free space.`;
    return new CofferError(code, detail, { cause: error, hint });
  }
  return error;
}
