// SPDX-License-Identifier: Apache-2.0
// A replica's disk: made for the first time, verified at every start, and begun anew where it lost what it had.
import { CofferError } from '../../common/index.ts';
import type { Keyring } from '../../crypto/index.ts';
import {
  type Entry,
  encodeConfChange,
  type HardState,
  type NodeId,
  NONE,
  RawNode,
} from '../../raft/index.ts';
import {
  type Checkpoint,
  type Database,
  type DatabaseOperation,
  EMPTY_LOG_MARK,
  RaftLog,
} from '../../storage/index.ts';
import {
  hardStateOperation,
  identityOperation,
  type NodeIdentity,
  readHardState,
  readIdentity,
} from './node-identity.ts';
import { CoreStorage } from './core-storage.ts';
import { Replica } from './replica.ts';
import { coreConfig, type ReplicaParts } from './replica-parts.ts';
import { DEFAULT_SETTINGS } from './replica-settings.ts';
import { checkLogEnd, type LogEnd, soleSurvivor } from './sole-survivor.ts';
import { SecretState } from '../state/secret-state.ts';
import { verifyCheckpoint } from './verify-checkpoint.ts';

/** What `openReplica` needs beside what it reads from the database. */
export interface OpenReplicaOptions
  extends Omit<ReplicaParts, 'identity' | 'log' | 'state' | 'hardState' | 'recoveringTerm'> {
  /** What the checkpoint file holds. */
  readonly checkpoint: Checkpoint;
  /**
   * The others are gone for good: this node goes on alone. Where its log ends, by which whoever wants that shows that it is
   * meant for this very log. Throws `cluster.survivor` if it ends elsewhere, or is no whole log.
   */
  readonly forceNewCluster?: LogEnd | undefined;
  /**
   * Awaited before a new cluster is forced. What is on the disk was verified, and what is written from here on is ahead of it:
   * no database of before may be put back.
   */
  readonly onVerified?: (() => Promise<void>) | undefined;
}

const EMPTY = Buffer.alloc(0);
const NOBODY = { voters: [], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false } as const;
/** The term of the entries that a new cluster's log begins with. No node leads in it. */
const BOOTSTRAP_TERM = 1;

/**
 * Fills an empty database, and returns the checkpoint that belongs to it. `voters` are the nodes that a new cluster
 * begins with, the same on each of them; none for a node that joins: it hears of the others from their leader. Their
 * membership is in the log as any later change is, so that nothing has to be told apart from the log.
 */
export async function createReplica(
  database: Database,
  keyring: Keyring,
  identity: NodeIdentity,
  voters: readonly NodeId[],
): Promise<Checkpoint> {
  const term = voters.length === 0 ? 0 : BOOTSTRAP_TERM;
  const hardState = { term, vote: NONE, commit: voters.length };
  await database.write(emptyOperations(keyring, identity, hardState), { sync: true });
  const log = await RaftLog.open(database, keyring, DEFAULT_SETTINGS.logLimits, () => false);
  if (voters.length > 0) {
    await database.write(log.append(voters.map(bootstrapEntry)), { sync: true });
  }
  return { ...identity, term, vote: NONE, recoveringTerm: 0, ...log.mark };
}

/**
 * Fills an empty database for a node that has lost what it had: it keeps its id and its vote, and takes no part in
 * any decision until an entry of a later term than it ever acted in is committed. Returns the checkpoint, which must be
 * durable before the old database is deleted.
 */
export function recoveringCheckpoint(checkpoint: Checkpoint): Checkpoint {
  const recoveringTerm = Math.max(checkpoint.term, checkpoint.recoveringTerm);
  return { ...checkpoint, recoveringTerm, ...EMPTY_LOG_MARK };
}

/** Fills the empty database that belongs to a `recoveringCheckpoint`. */
export async function createRecovering(
  database: Database,
  keyring: Keyring,
  checkpoint: Checkpoint,
): Promise<void> {
  const { term, vote } = checkpoint;
  await database.write(emptyOperations(keyring, checkpoint, { term, vote, commit: 0 }), { sync: true });
}

/**
 * Reads and verifies all but the values, and makes a replica of it that is to be started. Where there are more secrets
 * than `secretsReadFirstMax`, it reads them once it is started. Throws `store.damaged` if the database is not what was
 * written, or is behind the checkpoint.
 */
export async function openReplica(options: OpenReplicaOptions): Promise<Replica> {
  const { checkpoint, database, keyring, settings } = options;
  const identity = readIdentity(database, keyring);
  const stored = readHardState(database, keyring);
  const state = await SecretState.open(database, keyring, settings.secretsReadFirstMax);
  const log = await RaftLog.open(database, keyring, settings.logLimits, () => false);
  verifyCheckpoint({ checkpoint, identity, hardState: stored, log, appliedIndex: state.appliedIndex });
  if (stored.commit > log.last.index) {
    throw new CofferError(
      'store.damaged',
      `the log ends at entry ${log.last.index}, though entry ${stored.commit} was committed`,
    );
  }
  // The commit index needs no sync of its own, so the state may know of a later one. In a recovery the core takes only
  // what is applied for committed.
  const { appliedIndex } = state;
  const commit = checkpoint.recoveringTerm === 0 ? Math.max(stored.commit, appliedIndex) : appliedIndex;
  const hardState = await goOnAlone(options, { identity, log, state, hardState: { ...stored, commit } });
  const { term, vote } = hardState;
  await renewCheckpoint(options, { ...checkpoint, term, vote, ...log.mark });
  return new Replica({
    ...options,
    identity,
    log,
    state,
    hardState,
    recoveringTerm: checkpoint.recoveringTerm,
  });
}

/** Does what `forceNewCluster` asks for, durably, and returns the hard state from then on. */
async function goOnAlone(
  options: OpenReplicaOptions,
  { hardState, identity, log, state }: Pick<ReplicaParts, 'hardState' | 'identity' | 'log' | 'state'>,
): Promise<HardState> {
  const { checkpoint, database, forceNewCluster, keyring } = options;
  if (forceNewCluster === undefined) {
    return hardState;
  }
  const { appliedIndex, confState, removedNodes } = state;
  const { recoveringTerm } = checkpoint;
  const initial = { hardState, confState };
  const storage = new CoreStorage(log, initial, () => ({ index: appliedIndex, confState }));
  const node = new RawNode(
    coreConfig({ ...options, identity, log, state, hardState, recoveringTerm }, storage),
  );
  const { raftId: id } = identity;
  const survival = soleSurvivor({ id, log, hardState, appliedIndex, confState, removedNodes, node });
  if (survival === undefined) {
    return hardState;
  }
  checkLogEnd(forceNewCluster, log.last);
  if (recoveringTerm !== 0) {
    throw new CofferError(
      'cluster.survivor',
      'this node has lost what it had and is recovering: no cluster can be made of it alone',
    );
  }
  await options.onVerified?.();
  const operations = [...log.append(survival.entries), hardStateOperation(keyring, survival.hardState)];
  await database.write(operations, { sync: true });
  options.logger.warn('this node goes on alone, as it was told to', { lastIndex: log.last.index });
  return survival.hardState;
}

/**
 * A crash may have taken a checkpoint that was written and not yet durable. It is made good at once: a database that falls
 * back from here on must be found out, even if nothing is written before.
 */
async function renewCheckpoint(
  { checkpoint, checkpointFile }: OpenReplicaOptions,
  now: Checkpoint,
): Promise<void> {
  const { term, vote, lastIndex, lastDigest, logRewrites } = checkpoint;
  const same =
    term === now.term &&
    vote === now.vote &&
    lastIndex === now.lastIndex &&
    logRewrites === now.logRewrites &&
    lastDigest.equals(now.lastDigest);
  if (!same) {
    await checkpointFile.write(now);
    await checkpointFile.sync();
  }
}

function emptyOperations(
  keyring: Keyring,
  identity: NodeIdentity,
  hardState: HardState,
): readonly DatabaseOperation[] {
  return [
    identityOperation(keyring, identity),
    hardStateOperation(keyring, hardState),
    ...RaftLog.createOperations(keyring),
    ...SecretState.createOperations(keyring, NOBODY),
  ];
}

function bootstrapEntry(nodeId: NodeId, place: number): Entry {
  const data = encodeConfChange({ kind: 'v1', type: 'ConfChangeAddNode', nodeId, context: EMPTY });
  return { index: place + 1, term: BOOTSTRAP_TERM, type: 'EntryConfChange', data };
}
