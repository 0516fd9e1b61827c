// SPDX-License-Identifier: Apache-2.0
// Opening the store: the first start, and every later one with all that it verifies before it serves.
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { CofferError, type Logger } from '../common/index.ts';
import { Keyring } from '../crypto/index.ts';
import { type Entry, type HardState, SoleVoter } from '../raft/index.ts';
import { newSecretId } from '../secrets/index.ts';
import {
  type Checkpoint,
  CheckpointFile,
  checkTables,
  Database,
  DirectoryLock,
  exists,
  type LogLimits,
  makePrivateDirectory,
  RaftLog,
  readKeyFile,
  StartCopy,
  writeKeyFile,
} from '../storage/index.ts';
import { DiskSpace } from './disk-space.ts';
import {
  hardStateOperation,
  identityOperation,
  type NodeIdentity,
  readHardState,
  readIdentity,
} from './node-identity.ts';
import { ReplicatedStore } from './replicated-store.ts';
import { SecretState } from './secret-state.ts';
import { verifyCheckpoint } from './verify-checkpoint.ts';

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
  readonly logLimits?: LogLimits | undefined;
  /** Bytes of disk that are never used for new values. Default: 48 MiB. */
  readonly diskReserve_bytes?: number | undefined;
}

/** Ten thousand small changes or 64 MiB, whichever comes first: under a second to verify at a start. */
const LOG_LIMITS: LogLimits = { entriesMax: 10_000, bytesMax: 64 * 1024 * 1024 };

const CLOSED_HARD_STATE = { term: 0, vote: '', commit: 0 } as const;
const START_DIGEST = Buffer.alloc(32);

interface Files {
  readonly lock: string;
  readonly keys: string;
  readonly checkpoint: string;
  readonly database: string;
}

/**
 * Opens the store in the state directory, or makes it at the first start. Throws `store.damaged` with what is
 * wrong, and leaves it as it was; `store.in-use` while another process has it; and `store.faulted` if the disk
 * cannot be used.
 */
export async function openStore(options: OpenStoreOptions): Promise<ReplicatedStore> {
  const files = filesOf(options.stateDirectory);
  let lock: DirectoryLock | undefined;
  try {
    await makePrivateDirectory(options.stateDirectory);
    lock = await DirectoryLock.acquire(files.lock);
    const keyFile = await readKeyFile(files.keys);
    if (keyFile === undefined) {
      await refuseDataWithoutKeys(files);
    }
    if (keyFile?.initialized !== true) {
      await initialize(files, options.logger);
    }
    return await openInitialized(files, lock, options);
  } catch (thrown) {
    await lock?.release();
    throw withMend(CofferError.from(thrown, 'store.faulted'), options.stateDirectory);
  }
}

async function initialize(files: Files, logger: Logger): Promise<void> {
  // Nothing was acknowledged before `initialized` was written: what an interrupted first start left is in the way.
  await rm(files.database, { recursive: true, force: true });
  const keyring = Keyring.generate();
  await writeKeyFile(files.keys, { keyring, initialized: false });
  const identity = { clusterId: newSecretId(), nodeId: newSecretId() };
  const database = await Database.open(files.database);
  try {
    await database.write(
      [
        identityOperation(keyring, identity),
        hardStateOperation(keyring, CLOSED_HARD_STATE),
        ...RaftLog.createOperations(keyring),
        ...SecretState.createOperations(keyring),
      ],
      { sync: true },
    );
  } finally {
    await database.close();
  }
  const checkpoint = await CheckpointFile.create(files.checkpoint, keyring, {
    ...identity,
    term: 0,
    vote: '',
    lastIndex: 0,
    lastTerm: 0,
    lastDigest: START_DIGEST,
  });
  await checkpoint.close();
  await writeKeyFile(files.keys, { keyring, initialized: true });
  keyring.wipe();
  logger.info('made a new store', { cluster: identity.clusterId, node: identity.nodeId });
}

async function openInitialized(
  files: Files,
  lock: DirectoryLock,
  options: OpenStoreOptions,
): Promise<ReplicatedStore> {
  const keyFile = await readKeyFile(files.keys);
  if (keyFile === undefined) {
    throw new CofferError('store.damaged', `${files.keys} is gone`);
  }
  const { keyring } = keyFile;
  const { file: checkpointFile, checkpoint } = await CheckpointFile.open(files.checkpoint, keyring);
  let store: ReplicatedStore;
  try {
    const opened = await openVerified(files, keyring, checkpoint, options.logLimits ?? LOG_LIMITS);
    const { identity, hardState, log, state } = opened;
    const node = new SoleVoter({
      nodeId: identity.nodeId,
      hardState: { ...hardState, commit: state.appliedIndex },
      lastIndex: log.last.index,
      lastTerm: log.last.term,
      uncommitted: opened.unapplied,
      appliedIndex: state.appliedIndex,
    });
    const diskSpace = new DiskSpace({
      directory: options.stateDirectory,
      reserve_bytes: options.diskReserve_bytes,
      now_ms: options.monotonic_ms,
    });
    const { logger, onFault } = options;
    store = new ReplicatedStore({
      ...opened,
      lock,
      keyring,
      checkpoint: checkpointFile,
      node,
      diskSpace,
      logger,
      onFault,
    });
  } catch (thrown) {
    await checkpointFile.close();
    throw thrown;
  }
  try {
    await store.start();
    return store;
  } catch (thrown) {
    await store.close();
    throw thrown;
  }
}

interface Verified {
  readonly identity: NodeIdentity;
  readonly hardState: HardState;
  readonly database: Database;
  readonly log: RaftLog;
  readonly state: SecretState;
  /** The entries that the state does not have yet. */
  readonly unapplied: readonly Entry[];
}

/** Opens the database and verifies all of it but the values. One that is refused stays as it was. */
async function openVerified(
  files: Files,
  keyring: Keyring,
  checkpoint: Checkpoint,
  logLimits: LogLimits,
): Promise<Verified> {
  const startCopy = new StartCopy(files.database);
  await startCopy.restore();
  await requireDatabase(files);
  await checkTables(files.database);
  await startCopy.make();
  let database: Database | undefined;
  try {
    database = await Database.open(files.database);
    const identity = readIdentity(database, keyring);
    const hardState = readHardState(database, keyring);
    const state = await SecretState.open(database, keyring);
    const unapplied: Entry[] = [];
    const log = await RaftLog.open(database, keyring, logLimits, (entry) => {
      const keep = entry.index > state.appliedIndex;
      if (keep) {
        unapplied.push(entry);
      }
      return keep;
    });
    verifyCheckpoint({ checkpoint, identity, hardState, log, appliedIndex: state.appliedIndex });
    await startCopy.discard();
    return { identity, hardState, database, log, state, unapplied };
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

async function refuseDataWithoutKeys(files: Files): Promise<void> {
  for (const file of [files.database, files.checkpoint]) {
    if (await exists(file)) {
      throw new CofferError('store.damaged', `${file} is there, but ${files.keys} with its keys is gone`);
    }
  }
}

async function requireDatabase(files: Files): Promise<void> {
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
      `Nothing was changed in what is stored. Put back a copy of ${stateDirectory} from before the damage, ` +
      'or move it away to begin with an empty store.';
    return new CofferError(code, detail, { cause: error, hint });
  }
  if (code === 'store.faulted') {
    const hint = `See that the disk of ${stateDirectory} can be read and written, and has free space.`;
    return new CofferError(code, detail, { cause: error, hint });
  }
  return error;
}

function filesOf(stateDirectory: string): Files {
  return {
    lock: path.join(stateDirectory, 'lock'),
    keys: path.join(stateDirectory, 'keys.json'),
    checkpoint: path.join(stateDirectory, 'checkpoint'),
    database: path.join(stateDirectory, 'database'),
  };
}
