// SPDX-License-Identifier: Apache-2.0
// The state of one node on a real database, without a log: entries are applied as they are made.
import assert from 'node:assert/strict';
import path from 'node:path';
import { SecretValue } from '../../../src/common/index.ts';
import { Keyring } from '../../../src/crypto/index.ts';
import type { ConfState } from '../../../src/raft/index.ts';
import {
  applyRequest,
  type Command,
  newRequestId,
  type PutValue,
  type RequestOutcome,
} from '../../../src/secrets/index.ts';
import { LevelDatabase, rangeOf } from '../../../src/storage/index.ts';
import { SecretState } from '../../../src/store/state/secret-state.ts';
import { exportState } from '../../../src/store/snapshot/snapshot-export.ts';
import type { StateStage } from '../../../src/store/snapshot/snapshot-import.ts';
import { temporaryDirectory } from '../../support/cleanup.ts';

export const CONF_STATE: ConfState = {
  voters: [1, 2, 3],
  learners: [9],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

export const put = (name: string, value: string | Buffer, more: Partial<PutValue> = {}): PutValue => ({
  kind: 'put',
  id: `id-${name}`,
  name,
  labels: undefined,
  origin: 'control',
  expect: 'always',
  value: SecretValue.copyOf(Buffer.from(value)),
  at_ms: 1_700_000_000_000,
  ...more,
});

export class StateHarness {
  readonly keyring: Keyring;
  readonly #directory: string;
  readonly #remove: () => void;
  database: LevelDatabase;
  state: SecretState;

  private constructor(
    keyring: Keyring,
    database: LevelDatabase,
    state: SecretState,
    directory: string,
    remove: () => void,
  ) {
    this.keyring = keyring;
    this.database = database;
    this.state = state;
    this.#directory = directory;
    this.#remove = remove;
  }

  static async make(keyring: Keyring = Keyring.generate()): Promise<StateHarness> {
    const temporary = temporaryDirectory();
    const directory = path.join(temporary.path, 'database');
    const database = await LevelDatabase.open(directory);
    await database.write(SecretState.createOperations(keyring, CONF_STATE), { sync: false });
    const state = await SecretState.open(database, keyring);
    return new StateHarness(keyring, database, state, directory, () => temporary.remove());
  }

  apply(command: Command, { id = newRequestId(), baseIndex = this.state.appliedIndex } = {}): RequestOutcome {
    const index = this.state.appliedIndex + 1;
    const outcome = applyRequest(this.state.index, { id, baseIndex, proposer: 1, command }, index);
    this.state.apply(index, outcome.effects);
    return outcome;
  }

  async flush(): Promise<void> {
    const batch = this.state.batch();
    await this.database.write(batch.operations, { sync: false });
    this.state.written(batch);
  }

  /** Ends as a crash does, and starts again from what was written. */
  async reopen({ secretsReadFirstMax }: { readonly secretsReadFirstMax?: number } = {}): Promise<void> {
    this.state.load.stop();
    await this.database.close();
    this.database = await LevelDatabase.open(this.#directory);
    this.state = await SecretState.open(this.database, this.keyring, secretsReadFirstMax);
  }

  /** What a crash at this moment leaves, opened by the next process. */
  async crashCopy(): Promise<StateHarness> {
    const copy = await StateHarness.make(this.keyring);
    const operations = [];
    for await (const group of this.database.groups({ from: Buffer.of(0), before: Buffer.of(255) }, 'all')) {
      operations.push(...group.map(([key, value]) => ({ type: 'put' as const, key, value })));
    }
    await copy.database.write(operations, { sync: false });
    await copy.reopen();
    return copy;
  }

  /** All chunks of the state that is on the disk. */
  async export(): Promise<readonly Buffer[]> {
    const view = this.database.snapshot();
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of exportState(view, this.keyring).chunks) {
        chunks.push(chunk);
      }
      return chunks;
    } finally {
      await view.close();
    }
  }

  /** Stages chunks as a node does that receives them. */
  async stage(chunks: readonly Buffer[]): Promise<StateStage> {
    const stage = this.state.stage();
    for (const chunk of chunks) {
      await this.database.write(stage.add(chunk), { sync: false });
    }
    stage.finish();
    return stage;
  }

  async install(stage: StateStage): Promise<void> {
    const { appliedIndex, confState } = stage;
    assert.ok(appliedIndex !== undefined && confState !== undefined);
    const batch = this.state.install(stage, appliedIndex, confState);
    await this.database.write(batch.operations, { sync: true });
    this.state.written(batch);
  }

  async clearObsolete(): Promise<number> {
    let deleted = 0;
    for await (const operations of this.state.obsoleteGroups(this.database)) {
      await this.database.write(operations, { sync: false });
      deleted += operations.length;
    }
    return deleted;
  }

  /** How many records each generation has on the disk. */
  async generations(): Promise<Readonly<Record<number, number>>> {
    const counts: Record<number, number> = {};
    for await (const group of this.database.groups(rangeOf('g'), 'the state')) {
      for (const [key] of group) {
        const generation = Number(key.readBigUInt64BE(1));
        counts[generation] = (counts[generation] ?? 0) + 1;
      }
    }
    return counts;
  }

  /** All that the state says, in a form that can be compared. */
  content(): unknown {
    const { index, appliedIndex, confState, removedNodes } = this.state;
    const secrets = [...index.list()].sort((one, other) => (one.id < other.id ? -1 : 1));
    const values = secrets.flatMap(({ id, versions }) =>
      versions.map(({ number }) => this.state.readValue(id, number).expose().toString('base64')),
    );
    const slots = [index.deliveries.from(0, 300), index.requestsFrom(0, 300)];
    const { deliveriesRecorded, requestsApplied } = index;
    const state = { appliedIndex, confState, removedNodes, deliveriesRecorded, requestsApplied };
    const cluster = [index.cluster.authority, index.cluster.nodes(), index.cluster.tokens()];
    return { ...state, cluster, secrets, values, slots };
  }

  async close(): Promise<void> {
    this.state.load.stop();
    await this.database.close();
    this.#remove();
  }
}
