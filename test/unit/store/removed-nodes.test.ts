// SPDX-License-Identifier: Apache-2.0
// Ids of nodes are used once. A node that was removed and comes back with an empty disk has forgotten how it voted.
import assert from 'node:assert/strict';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { ByteReader, ByteWriter, CofferError, silentLogger } from '../../../src/common/index.ts';
import { Keyring } from '../../../src/crypto/index.ts';
import type { AnyConfChange, ConfChangeSingle, ConfState, PeerMessage } from '../../../src/raft/index.ts';
import { type Checkpoint, DiskCheckpointFile, LevelDatabase } from '../../../src/storage/index.ts';
import {
  createReplica,
  DEFAULT_SETTINGS,
  openReplica,
  type Replica,
  systemClock,
} from '../../../src/store/index.ts';
import {
  readRemovedNodes,
  REMOVED_NODES_MAX,
  writeRemovedNodes,
} from '../../../src/store/state/record-codec.ts';
import { noPeers } from '../../../src/store/replica/transport.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { copyState } from '../../support/test-store.ts';
import { put, StateHarness } from './state-harness.ts';

const NOTHING = Buffer.alloc(0);
const IDENTITY = { clusterId: 'c'.repeat(25), nodeId: 'n'.repeat(25), raftId: 1 } as const;

const configuration = (parts: Partial<ConfState>): ConfState => ({
  voters: [1],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
  ...parts,
});

describe('the nodes that were removed', () => {
  let node: StateHarness;

  beforeEach(async () => {
    node = await StateHarness.make();
  });
  afterEach(() => node.close());

  /** Applies one configuration after another, and returns who counts as removed after the last one. */
  function through(...configurations: readonly Partial<ConfState>[]): readonly number[] {
    for (const parts of configurations) {
      node.state.applyConfState(node.state.appliedIndex + 1, configuration(parts));
    }
    return [...node.state.removedNodes];
  }

  const CASES: readonly (readonly [string, readonly Partial<ConfState>[], readonly number[]])[] = [
    ['none, where nobody was', [{ voters: [1, 2, 3, 9] }], []],
    ['a voter that is gone', [{ voters: [1, 2, 3, 9] }, { voters: [1, 2, 9] }], [3]],
    ['a learner that is gone', [{ voters: [1, 2, 3] }], [9]],
    ['not a voter that became a learner', [{ voters: [1, 2], learners: [3, 9] }], []],
    [
      'not a voter of the old half of a joint configuration',
      [{ voters: [1, 2], votersOutgoing: [1, 2, 3], learners: [9] }],
      [],
    ],
    [
      'that voter, once the joint configuration was left',
      [
        { voters: [1, 2], votersOutgoing: [1, 2, 3], learners: [9] },
        { voters: [1, 2], learners: [9] },
      ],
      [3],
    ],
    [
      'not one that becomes a learner when the joint configuration is left',
      [
        { voters: [1, 2], votersOutgoing: [1, 2, 3], learners: [9], learnersNext: [3] },
        { voters: [1, 2], learners: [3, 9] },
      ],
      [],
    ],
    [
      'all of them, in the order of their ids, whatever the order of their removals',
      [{ voters: [1, 2, 9, 10] }, { voters: [1, 2, 10] }, { voters: [1, 10] }, { voters: [1] }],
      [2, 3, 9, 10],
    ],
  ];
  for (const [what, configurations, expected] of CASES) {
    test(`B7: are ${what}`, () => {
      assert.deepEqual(through(...configurations), expected);
    });
  }

  test('B7: are known after a restart and after a snapshot, and make another state', async () => {
    const before = node.state.digest;
    through({ voters: [1, 2] }, { voters: [1, 2, 3], learners: [9] });
    const twin = await StateHarness.make(new Keyring(node.keyring.active, [], node.keyring.indexKey));
    for (const index of [1, 2]) {
      twin.state.applyConfState(index, configuration({ voters: [1, 2, 3], learners: [9] }));
    }
    assert.deepEqual(twin.state.confState, node.state.confState);
    assert.notDeepEqual(node.state.digest, twin.state.digest);
    assert.notDeepEqual(node.state.digest, before);
    node.apply(put('a', 'value'));
    await node.flush();
    const digest = node.state.digest;
    await node.reopen();
    assert.deepEqual([...node.state.removedNodes], [3, 9]);
    assert.deepEqual(node.state.digest, digest);
    await twin.install(await twin.stage(await node.export()));
    assert.deepEqual([...twin.state.removedNodes], [3, 9]);
    assert.deepEqual(twin.state.digest, digest);
    await twin.reopen();
    assert.deepEqual([...twin.state.removedNodes], [3, 9]);
    await twin.close();
  });

  test('are read back as they were written, and nothing else is', () => {
    const written = (ids: readonly number[]): ByteReader =>
      new ByteReader(writeRemovedNodes(new ByteWriter(), new Set(ids)).finish(), 'it');
    for (const ids of [[], [5], [1, 2, 2 ** 48]]) {
      assert.deepEqual([...readRemovedNodes(written([...ids].reverse()))], ids);
    }
    const most = Array.from({ length: REMOVED_NODES_MAX }, (_, at) => at + 1);
    assert.equal(readRemovedNodes(written(most)).size, REMOVED_NODES_MAX);
    const wrong = [
      written([...most, REMOVED_NODES_MAX + 1]),
      new ByteReader(new ByteWriter().u32(2).u64(2).u64(1).finish(), 'it'),
      new ByteReader(new ByteWriter().u32(2).u64(2).u64(2).finish(), 'it'),
      new ByteReader(new ByteWriter().u32(1).u64(0).finish(), 'it'),
      new ByteReader(new ByteWriter().u32(0xffff_ffff).finish(), 'it'),
    ];
    for (const reader of wrong) {
      assert.throws(() => readRemovedNodes(reader), { code: 'store.damaged' });
    }
  });
});

/** One voter, which adds and removes learners as it likes. */
class Voter {
  readonly #directory: string;
  readonly #keyring: Keyring;
  readonly #database: LevelDatabase;
  readonly replica: Replica;

  private constructor(directory: string, keyring: Keyring, database: LevelDatabase, replica: Replica) {
    this.#directory = directory;
    this.#keyring = keyring;
    this.#database = database;
    this.replica = replica;
  }

  static async create(directory: string): Promise<Voter> {
    const keyring = Keyring.generate();
    const database = await LevelDatabase.open(path.join(directory, 'database'));
    const first = await createReplica(database, keyring, IDENTITY, [IDENTITY.raftId]);
    await (await DiskCheckpointFile.create(path.join(directory, 'checkpoint'), keyring, first)).close();
    await database.close();
    return Voter.open(directory, keyring);
  }

  static async open(directory: string, keyring: Keyring): Promise<Voter> {
    const database = await LevelDatabase.open(path.join(directory, 'database'));
    const file = path.join(directory, 'checkpoint');
    const opened: { readonly file: DiskCheckpointFile; readonly checkpoint: Checkpoint } =
      await DiskCheckpointFile.open(file, keyring);
    const replica = await openReplica({
      keyring,
      database,
      checkpointFile: opened.file,
      checkpoint: opened.checkpoint,
      clock: systemClock,
      transport: noPeers,
      random: (limit) => Math.floor(limit / 2),
      diskSpace: {
        free_bytes: 1e12,
        measure: async () => undefined,
        admit: () => true,
        fullError: () => new CofferError('store.disk-full', 'full'),
      },
      settings: DEFAULT_SETTINGS,
      logger: silentLogger,
      onFault: (error) => {
        throw error;
      },
    });
    replica.start();
    assert.equal(await replica.readBarrier(5_000), 'linearizable');
    return new Voter(directory, keyring, database, replica);
  }

  get members(): readonly (readonly number[])[] {
    const { voters, learners } = this.replica.state.confState;
    return [voters, learners];
  }

  change(...changes: readonly ConfChangeSingle[]): Promise<ConfState> {
    const [first] = changes;
    const change: AnyConfChange =
      first !== undefined && changes.length === 1
        ? { kind: 'v1', ...first, context: NOTHING }
        : { kind: 'v2', transition: 'ConfChangeTransitionAuto', changes, context: NOTHING };
    return this.replica.proposeConfChange(change);
  }

  async restart(): Promise<Voter> {
    await this.close();
    return Voter.open(this.#directory, this.#keyring);
  }

  /** What a crash at this moment leaves, opened by the next process. */
  crashCopy(parent: string): Promise<Voter> {
    return Voter.open(copyState(this.#directory, parent), this.#keyring);
  }

  async close(): Promise<void> {
    await this.replica.close();
    await this.#database.close();
  }
}

const addLearner = (nodeId: number): ConfChangeSingle => ({ type: 'ConfChangeAddLearnerNode', nodeId });
const addVoter = (nodeId: number): ConfChangeSingle => ({ type: 'ConfChangeAddNode', nodeId });
const remove = (nodeId: number): ConfChangeSingle => ({ type: 'ConfChangeRemoveNode', nodeId });

describe('a cluster', () => {
  let temporary: TemporaryDirectory;
  let voter: Voter;

  beforeEach(async () => {
    temporary = temporaryDirectory();
    voter = await Voter.create(path.join(temporary.path, 'node'));
    await voter.change(addLearner(0xabc));
    await voter.change(remove(0xabc));
    assert.deepEqual([...voter.replica.state.removedNodes], [0xabc]);
  });
  afterEach(async () => {
    await voter.close();
    temporary.remove();
  });

  async function assertNotTakenBack(): Promise<void> {
    for (const changes of [
      [addLearner(0xabc)],
      [addVoter(0xabc)],
      [addLearner(7), addLearner(0xabc)],
      [addVoter(0xabc), addLearner(0xabc)],
    ]) {
      await assert.rejects(voter.change(...changes), {
        code: 'cluster.node-removed',
        status: 409,
        detail: 'node abc was removed; a removed node comes back under a new id',
      });
      assert.deepEqual(voter.members, [[1], []], 'all of a change is refused, or nothing');
    }
  }

  test('B7: does not take back a node that was removed, not after a restart either', async () => {
    await assertNotTakenBack();
    voter = await voter.restart();
    await assertNotTakenBack();
  });

  test('B7: goes on after it has refused a node: with secrets, and with other nodes', async () => {
    await assertNotTakenBack();
    await voter.replica.propose(put('a', 'value'));
    await voter.change(addLearner(7));
    assert.deepEqual(voter.members, [[1], [7]]);
    await voter.change(addLearner(8), remove(7));
    assert.deepEqual(voter.members, [[1], [8]]);
    // A node that is removed already may be removed again.
    await voter.change(remove(0xabc));
    assert.deepEqual([...voter.replica.state.removedNodes], [7, 0xabc]);
  });

  test('B7: comes to the same state where the refused change is applied again', async () => {
    await assert.rejects(voter.change(addLearner(0xabc)), { code: 'cluster.node-removed' });
    const crashed = await voter.crashCopy(temporary.path);
    await voter.replica.propose(put('a', 'value'), { requestId: 'a'.repeat(32), baseIndex: 1 });
    await crashed.replica.propose(put('a', 'value'), { requestId: 'a'.repeat(32), baseIndex: 1 });
    const { removedNodes, confState } = crashed.replica.state;
    assert.deepEqual(
      [removedNodes, confState],
      [voter.replica.state.removedNodes, voter.replica.state.confState],
    );
    await crashed.close();
  });

  test('B7: does not hear a node that was removed', () => {
    const { term } = voter.replica.status();
    const heartbeatOf = (from: number): PeerMessage => ({
      type: 'MsgHeartbeat',
      to: 1,
      from,
      term: term + 5,
      commit: 0,
      context: NOTHING,
    });
    voter.replica.receive(heartbeatOf(0xabc));
    assert.equal(voter.replica.status().term, term);
    voter.replica.receive(heartbeatOf(8));
    assert.equal(voter.replica.status().term, term + 5);
  });
});
