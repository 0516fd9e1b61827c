// SPDX-License-Identifier: Apache-2.0
// The applied state on the database. Its changes ride in the next batch of the log and need no sync of their own: what a
// crash takes from them, the log brings back.
import { ByteWriter, CofferError, invariant, SecretValue } from '../../common/index.ts';
import { type Keyring, openRecord, sealRecord } from '../../crypto/index.ts';
import type { ConfState, NodeId } from '../../raft/index.ts';
import type { Effect } from '../../secrets/index.ts';
import type { Database, DatabaseOperation, DatabaseView } from '../../storage/index.ts';
import { Generations } from './generations.ts';
import { type Change, operationOf, PendingChanges } from './pending-changes.ts';
import { type ReadState, readState } from './read-state.ts';
import { writeConfState, writeRemovedNodes } from './record-codec.ts';
import { removedWith } from './removed-nodes.ts';
import type { SecretIndex } from './secret-index.ts';
import { StateStage } from '../snapshot/snapshot-import.ts';
import { type RecordChange, StateContent } from './state-content.ts';
import { StateDigest } from './state-digest.ts';
import { headerOperation } from './state-header.ts';
import { StateKeys } from './state-keys.ts';
import { StateLoad } from './state-load.ts';

export type { StateStage } from '../snapshot/snapshot-import.ts';

/** The changes that one batch takes along; `written` lets go of them. */
export interface StateBatch {
  readonly operations: readonly DatabaseOperation[];
  readonly changes: readonly Change[];
}

const FIRST_GENERATION = 1;

/** The secrets as they are applied: the index in memory, the records on disk, and the changes in between. */
export class SecretState {
  readonly #database: DatabaseView;
  readonly #keyring: Keyring;
  readonly #generations: Generations;
  readonly #changes = new PendingChanges();
  readonly #load: StateLoad;
  #content: StateContent;
  #appliedIndex: number;
  #confState: ConfState;
  #removedNodes: ReadonlySet<NodeId>;
  #changed = false;

  private constructor(
    database: DatabaseView,
    keyring: Keyring,
    generations: Generations,
    { header, index, added, load }: ReadState,
  ) {
    this.#database = database;
    this.#keyring = keyring;
    this.#generations = generations;
    this.#content = new StateContent(new StateKeys(keyring, header.generation), index, header.digest, added);
    this.#load = new StateLoad(load);
    this.#appliedIndex = header.appliedIndex;
    this.#confState = header.confState;
    this.#removedNodes = header.removedNodes;
  }

  /** The operations that make an empty state. */
  static createOperations(keyring: Keyring, confState: ConfState): readonly DatabaseOperation[] {
    const header = {
      appliedIndex: 0,
      confState,
      removedNodes: new Set<NodeId>(),
      generation: FIRST_GENERATION,
      deliveriesRecorded: 0,
      requestsApplied: 0,
      objects: 0,
      digest: new StateDigest(keyring),
    };
    return [headerOperation(keyring, header)];
  }

  /**
   * Reads all metadata, if it is that of `secretsFirstMax` secrets at most; of more, it reads what the start needs, and
   * `load` is to bring in the rest. Throws `store.damaged` if a record does not open, is missing, or is of an older state.
   */
  static async open(
    database: Database,
    keyring: Keyring,
    secretsFirstMax: number = Number.POSITIVE_INFINITY,
  ): Promise<SecretState> {
    const read = await readState(database, keyring, secretsFirstMax);
    const generations = await Generations.find(database, read.header.generation);
    return new SecretState(database, keyring, generations, read);
  }

  /**
   * Another one after each snapshot that is taken over. Until the load has come to its end, `list` and `byEngineId`
   * throw `store.starting`, and the others may throw `store.damaged`.
   */
  get index(): SecretIndex {
    return this.#content.index;
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  get confState(): ConfState {
    return this.#confState;
  }

  /** The nodes that were members once, in ascending order. None of them becomes a member again. */
  get removedNodes(): ReadonlySet<NodeId> {
    return this.#removedNodes;
  }

  /** Whether there is something that `batch` would take along. */
  get changed(): boolean {
    return this.#changed;
  }

  /**
   * 32 bytes over all that the state says but how far it is applied. On nodes with the same index key they are the same
   * if, and only if, the states are. Values are in it by the versions that they belong to, which never change.
   */
  get digest(): Buffer {
    this.#settle();
    const { index, digest } = this.#content;
    const rest = new ByteWriter().u32(digest.count).u64(index.deliveriesRecorded).u64(index.requestsApplied);
    writeRemovedNodes(writeConfState(rest, this.#confState), this.#removedNodes);
    return this.#keyring.keyedHash('state', digest.sum, rest.finish());
  }

  /** The load of what `open` has left on the disk: how far it is, and who waits for it. */
  get load(): StateLoad {
    return this.#load;
  }

  /** Takes up what the entry at `index` came to; nothing for one without a command. */
  apply(index: number, effects: readonly Effect[]): void {
    this.#advance(index);
    for (const effect of effects) {
      this.#change(this.#content.take(effect));
      if (effect.kind === 'copy-value') {
        this.#copyValue(effect);
      }
    }
  }

  /** Takes up the configuration that the entry at `index` made. */
  applyConfState(index: number, confState: ConfState): void {
    this.#advance(index);
    this.#removedNodes = removedWith(this.#removedNodes, this.#confState, confState);
    this.#confState = confState;
  }

  /** All changes so far, for one batch. They are read from memory until `written` is called with them. */
  batch(): StateBatch {
    this.#settle();
    const changes = this.#changes.all();
    this.#changed = false;
    return { changes, operations: [...changes.map(operationOf), this.#headerOperation()] };
  }

  /** The changes of this batch are in the database. */
  written(batch: StateBatch): void {
    this.#changes.written(batch.changes);
  }

  /** Opens a value. Throws `store.damaged` if its record is missing or does not open; others are not concerned. */
  readValue(secretId: string, version: number): SecretValue {
    const key = this.#content.keys.value(secretId, version);
    const change = this.#changes.at(key);
    const what = `the value of version ${version} of secret ${secretId}`;
    try {
      const record = change === undefined ? this.#database.get(key, what) : change.record;
      if (record === undefined) {
        throw new CofferError('store.damaged', `${what} is missing from the database`);
      }
      return SecretValue.takeOver(openRecord(this.#keyring, key, record, what));
    } catch (thrown) {
      throw withMend(thrown);
    }
  }

  /** A place to build up a snapshot in, while this state serves. One that was begun before is given up. */
  stage(): StateStage {
    return new StateStage(this.#keyring, this.#generations.begin());
  }

  /** Gives up the stage that was begun last: its records are in the way from now on. */
  abandonStage(): void {
    this.#generations.abandon();
  }

  /**
   * Takes over a finished stage as the state at `index`. It serves from now on. The batch makes it last: it is written in
   * one piece with the log that begins anew, with a sync, after all operations of the stage were. `changed` stays true
   * until a `batch`, which holds no less, takes it along. Changes that no batch took along are dropped: they belong to
   * the state that is replaced. Throws `store.damaged` if the stage is of another index or configuration.
   */
  install(stage: StateStage, index: number, confState: ConfState): StateBatch {
    invariant(index >= this.#appliedIndex, 'a snapshot does not take the state back');
    const staged = stage.take(index, confState);
    this.#load.stop();
    this.#generations.use(stage.generation);
    const keys = new StateKeys(this.#keyring, stage.generation);
    this.#content = new StateContent(keys, staged.index, staged.digest, staged.added);
    this.#removedNodes = staged.removedNodes;
    this.#changes.clear();
    this.#appliedIndex = index;
    this.#confState = confState;
    this.#changed = true;
    return { changes: [], operations: [this.#headerOperation()] };
  }

  /** Whether there are records of states that were replaced, or never came to be. */
  get hasObsolete(): boolean {
    return this.#generations.hasObsolete;
  }

  /**
   * The operations that delete those records, in groups. The caller writes each group, with a sync, before it asks for
   * the next one, and begins only after the batch of `install` was written. What is not written is found again at the
   * next start.
   */
  obsoleteGroups(database: DatabaseView): AsyncGenerator<readonly DatabaseOperation[]> {
    return this.#generations.obsoleteGroups(database);
  }

  /**
   * Puts the value of one version under another one. What does not open here is not copied, as if the copy were damaged
   * like it: the damage of a value concerns nothing but that value.
   */
  #copyValue({ from, secretId, version }: Extract<Effect, { kind: 'copy-value' }>): void {
    const value = this.#intactValue(secretId, from);
    const key = this.#content.keys.value(secretId, version);
    try {
      this.#change([{ key, payload: value?.expose() }]);
    } finally {
      value?.wipe();
    }
  }

  #intactValue(secretId: string, version: number): SecretValue | undefined {
    try {
      return this.readValue(secretId, version);
    } catch (thrown) {
      if (thrown instanceof CofferError && thrown.code === 'store.damaged') {
        return undefined;
      }
      throw thrown;
    }
  }

  #settle(): void {
    this.#change(this.#content.settle());
  }

  #change(changes: readonly RecordChange[]): void {
    for (const { key, payload } of changes) {
      const record = payload === undefined ? undefined : sealRecord(this.#keyring, key, payload);
      this.#changes.add(key, record);
    }
  }

  #advance(index: number): void {
    if (index !== this.#appliedIndex + 1) {
      invariant(false, `entry ${index} is not the one to apply after ${this.#appliedIndex}`);
    }
    this.#appliedIndex = index;
    this.#changed = true;
  }

  #headerOperation(): DatabaseOperation {
    const { keys, index, digest } = this.#content;
    return headerOperation(this.#keyring, {
      appliedIndex: this.#appliedIndex,
      confState: this.#confState,
      removedNodes: this.#removedNodes,
      generation: keys.generation,
      deliveriesRecorded: index.deliveriesRecorded,
      requestsApplied: index.requestsApplied,
      objects: index.cluster.size,
      digest,
    });
  }
}

function withMend(thrown: unknown): unknown {
  if (!(thrown instanceof CofferError) || thrown.code !== 'store.damaged') {
    return thrown;
  }
  return new CofferError(thrown.code, thrown.detail, {
    cause: thrown,
    hint: 'Store the value again under that name, or put back a copy of the state directory from before the damage.',
  });
}
