// SPDX-License-Identifier: Apache-2.0
// Opening the store: the first start, and every later one with all that it verifies before it serves.
import { link, mkdir, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { CofferError, type Logger, systemErrorCode } from '../common/index.ts';
import { Keyring } from '../crypto/index.ts';
import { type Entry, SoleVoter } from '../raft/index.ts';
import { newSecretId } from '../secrets/index.ts';
import {
  CheckpointFile,
  Database,
  type LogLimits,
  makePrivateDirectory,
  RaftLog,
  readKeyFile,
  writeKeyFile,
} from '../storage/index.ts';
import { DiskSpace } from './disk-space.ts';
import { hardStateOperation, identityOperation, readHardState, readIdentity } from './node-identity.ts';
import { ReplicatedStore } from './replicated-store.ts';
import { SecretState } from './secret-state.ts';
import { verifyCheckpoint } from './verify-checkpoint.ts';

export interface OpenStoreOptions {
  /** Absolute path; made with mode 0700 if it is not there. */
  readonly stateDirectory: string;
  readonly logger: Logger;
  /** Called once, when the disk failed or a committed entry could not be applied: the process must end. */
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
  readonly keys: string;
  readonly checkpoint: string;
  readonly database: string;
  /** LevelDB's logs as they were before the last start, kept until that start has verified them. */
  readonly evidence: string;
}

/**
 * Opens the store in the state directory, or makes it at the first start. Throws `store.damaged` with what is
 * wrong, `store.in-use` while another process has it, and `store.faulted` if the disk cannot be used.
 */
export async function openStore(options: OpenStoreOptions): Promise<ReplicatedStore> {
  const files = filesOf(options.stateDirectory);
  try {
    await makePrivateDirectory(options.stateDirectory);
    const keyFile = await readKeyFile(files.keys);
    if (keyFile === undefined) {
      await refuseDataWithoutKeys(files);
    }
    if (keyFile?.initialized !== true) {
      await initialize(files, options.logger);
    }
    return await openInitialized(files, options);
  } catch (thrown) {
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

async function openInitialized(files: Files, options: OpenStoreOptions): Promise<ReplicatedStore> {
  const keyFile = await readKeyFile(files.keys);
  if (keyFile === undefined) {
    throw new CofferError('store.damaged', `${files.keys} is gone`);
  }
  const { keyring } = keyFile;
  await requireDatabase(files);
  const { file: checkpointFile, checkpoint } = await CheckpointFile.open(files.checkpoint, keyring);
  let database: Database | undefined;
  try {
    await keepEvidence(files);
    database = await Database.open(files.database);
    const identity = readIdentity(database, keyring);
    const hardState = readHardState(database, keyring);
    const state = await SecretState.open(database, keyring);
    const unapplied: Entry[] = [];
    const log = await RaftLog.open(database, keyring, options.logLimits ?? LOG_LIMITS, (entry) => {
      const keep = entry.index > state.appliedIndex;
      if (keep) {
        unapplied.push(entry);
      }
      return keep;
    });
    verifyCheckpoint({ checkpoint, identity, hardState, log, appliedIndex: state.appliedIndex });
    await rm(files.evidence, { recursive: true, force: true });
    const diskSpace = new DiskSpace({
      directory: options.stateDirectory,
      reserve_bytes: options.diskReserve_bytes,
      now_ms: options.monotonic_ms,
    });
    await diskSpace.measure();
    const node = new SoleVoter({
      nodeId: identity.nodeId,
      hardState: { ...hardState, commit: state.appliedIndex },
      lastIndex: log.last.index,
      lastTerm: log.last.term,
      uncommitted: unapplied,
      appliedIndex: state.appliedIndex,
    });
    const { logger, onFault } = options;
    const store = new ReplicatedStore({
      identity,
      keyring,
      database,
      checkpoint: checkpointFile,
      log,
      state,
      node,
      hardState,
      diskSpace,
      logger,
      onFault,
    });
    await store.start();
    return store;
  } catch (thrown) {
    await checkpointFile.close();
    await database?.close();
    throw thrown;
  }
}

/**
 * LevelDB deletes a damaged log in the very act of opening it. Hard links keep what it was, until a start has
 * verified everything; then they go.
 */
async function keepEvidence(files: Files): Promise<void> {
  const names = (await readdir(files.database)).filter((name) => name.endsWith('.log'));
  await mkdir(files.evidence, { recursive: true, mode: 0o700 });
  for (const name of names) {
    try {
      await link(path.join(files.database, name), path.join(files.evidence, name));
    } catch (thrown) {
      // The evidence of an earlier damaged start is older, and therefore better.
      if (systemErrorCode(thrown) !== 'EEXIST') {
        throw thrown;
      }
    }
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

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'ENOENT') {
      return false;
    }
    throw thrown;
  }
}

function withMend(error: CofferError, stateDirectory: string): CofferError {
  if (error.hint !== undefined || error.code !== 'store.damaged') {
    return error;
  }
  return new CofferError(error.code, error.detail, {
    cause: error,
    hint:
      `Nothing was changed in what is stored. Put back a copy of ${stateDirectory} from before the damage, ` +
      'or move it away to begin with an empty store.',
  });
}

function filesOf(stateDirectory: string): Files {
  return {
    keys: path.join(stateDirectory, 'keys.json'),
    checkpoint: path.join(stateDirectory, 'checkpoint'),
    database: path.join(stateDirectory, 'database'),
    evidence: path.join(stateDirectory, 'evidence'),
  };
}
