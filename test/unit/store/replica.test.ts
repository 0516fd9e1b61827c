// SPDX-License-Identifier: Apache-2.0
// One replica among peers that the test plays: what it writes, what it sends, and in which order.
import assert from 'node:assert/strict';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { CofferError, SecretValue, silentLogger } from '../../../src/common/index.ts';
import { Keyring } from '../../../src/crypto/index.ts';
import type { Entry, Message, PeerMessage } from '../../../src/raft/index.ts';
import { encodeRequest, newRequestId, newSecretId } from '../../../src/secrets/index.ts';
import {
  APPLIED_KEY,
  type Checkpoint,
  type Database,
  type DatabaseOperation,
  type DatabaseSnapshot,
  DiskCheckpointFile,
  HARD_STATE_KEY,
  LevelDatabase,
} from '../../../src/storage/index.ts';
import { createReplica, openReplica, type Replica } from '../../../src/store/index.ts';
import { DEFAULT_SETTINGS, type SpaceGuard } from '../../../src/store/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { StillClock } from '../../support/still-clock.ts';

const IDENTITY = { clusterId: 'c'.repeat(25), nodeId: 'n'.repeat(25), raftId: 1 } as const;

/** What happened to the world around the replica, in order. */
type Event =
  | { readonly kind: 'sent'; readonly message: PeerMessage }
  | { readonly kind: 'written'; readonly operations: readonly DatabaseOperation[] }
  | { readonly kind: 'checkpoint is durable'; readonly checkpoint: Checkpoint };

/** LevelDB that tells when a batch is durable, and hangs when it is told to. */
class WatchedDatabase implements Database {
  readonly #database: LevelDatabase;
  readonly #onWritten: (operations: readonly DatabaseOperation[]) => void;
  hangs = false;
  writing = false;
  #end: () => void = () => undefined;

  constructor(database: LevelDatabase, onWritten: (operations: readonly DatabaseOperation[]) => void) {
    this.#database = database;
    this.#onWritten = onWritten;
  }

  get(key: Buffer, what: string): Buffer | undefined {
    return this.#database.get(key, what);
  }

  groups(...range: Parameters<Database['groups']>): ReturnType<Database['groups']> {
    return this.#database.groups(...range);
  }

  async write(operations: readonly DatabaseOperation[], options: { readonly sync: boolean }): Promise<void> {
    assert.ok(options.sync, 'everything is synced');
    if (this.hangs) {
      return new Promise((resolve) => {
        this.#end = resolve;
      });
    }
    this.writing = true;
    await this.#database.write(operations, options);
    this.writing = false;
    this.#onWritten(operations);
  }

  /** What hangs ends, without having been done. */
  letGo(): void {
    this.hangs = false;
    this.#end();
  }

  snapshot(): DatabaseSnapshot {
    return this.#database.snapshot();
  }

  snapshotsClosed(): Promise<void> {
    return this.#database.snapshotsClosed();
  }

  compact(): Promise<void> {
    return this.#database.compact();
  }

  filesHold(texts: readonly Buffer[]): Promise<boolean> {
    return this.#database.filesHold(texts);
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}

const roomy: SpaceGuard = {
  free_bytes: 1e12,
  measure: async () => undefined,
  admit: () => true,
  fullError: () => new CofferError('store.disk-full', 'full'),
};

class World {
  readonly clock = new StillClock();
  readonly events: Event[] = [];
  readonly faults: CofferError[] = [];
  #busy = 0;
  #answered = 0;
  #database: WatchedDatabase | undefined;
  #replica: Replica | undefined;

  get replica(): Replica {
    assert.ok(this.#replica !== undefined);
    return this.#replica;
  }

  get database(): WatchedDatabase {
    assert.ok(this.#database !== undefined);
    return this.#database;
  }

  get sent(): readonly PeerMessage[] {
    return this.events.flatMap((event) => (event.kind === 'sent' ? [event.message] : []));
  }

  /** The replica of node 1 in a new cluster of these voters. */
  async open(directory: string, voters: readonly number[]): Promise<void> {
    const keyring = Keyring.generate();
    const level = await LevelDatabase.open(path.join(directory, 'database'));
    const first = await createReplica(level, keyring, IDENTITY, voters);
    const file = await DiskCheckpointFile.create(path.join(directory, 'checkpoint'), keyring, first);
    this.#database = new WatchedDatabase(level, (operations) =>
      this.events.push({ kind: 'written', operations }),
    );
    let written = first;
    const random = new SeededRandom(1);
    this.#replica = await openReplica({
      keyring,
      database: this.#database,
      checkpoint: first,
      checkpointFile: {
        prepare: (checkpoint) => file.prepare(checkpoint),
        write: async (checkpoint) => {
          written = checkpoint;
          await this.#busyWith(file.write(checkpoint));
        },
        sync: async () => {
          const checkpoint = written;
          await this.#busyWith(file.sync());
          this.events.push({ kind: 'checkpoint is durable', checkpoint });
        },
        close: () => file.close(),
      },
      clock: this.clock,
      transport: {
        send: (message) => this.events.push({ kind: 'sent', message }),
        sendSnapshot: async () => undefined,
      },
      random: (limit) => random.below(limit),
      diskSpace: roomy,
      settings: DEFAULT_SETTINGS,
      logger: silentLogger,
      onFault: (error) => this.faults.push(error),
    });
    this.replica.start();
  }

  async close(): Promise<void> {
    this.database.letGo();
    const closed = this.replica.close();
    await this.until(() => this.replica.status().applied === this.replica.status().commit);
    this.clock.advance(60_000);
    await closed;
    await this.database.close();
  }

  /** Time passes in ticks until the condition holds; the disk is waited for in between. */
  async until(condition: () => boolean, ticks_max = 2_000): Promise<void> {
    for (let tick = 0; !condition(); tick += 1) {
      assert.ok(tick < ticks_max, 'it comes to that in time');
      this.clock.advance(DEFAULT_SETTINGS.tick_ms);
      await this.#diskIsIdle();
    }
  }

  /** The same, while peer 2 answers. */
  async untilAnswered(condition: () => boolean): Promise<void> {
    await this.until(() => {
      this.answerAsPeer();
      return condition();
    });
  }

  /** The disk takes its own time, and what follows from a write is another one. */
  async #diskIsIdle(): Promise<void> {
    for (let idle = 0; idle < 5; idle += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.database.writing || this.#busy > 0) {
        idle = 0;
      }
    }
  }

  async #busyWith(work: Promise<void>): Promise<void> {
    this.#busy += 1;
    await work;
    this.#busy -= 1;
  }

  /** Peers 2 and 3 grant whatever node 1 asks for, until it leads. */
  async elect(): Promise<void> {
    let answered = 0;
    await this.until(() => {
      for (const message of this.sent.slice(answered)) {
        answered += 1;
        if (message.type === 'MsgPreVote' || message.type === 'MsgVote') {
          const { from, term, to } = message;
          const type = message.type === 'MsgVote' ? 'MsgVoteResp' : 'MsgPreVoteResp';
          this.replica.receive({
            type,
            to: from,
            from: to,
            term,
            reject: false,
            knownCommit: 0,
            knownCommitTerm: 0,
          });
        }
      }
      return this.replica.status().raftState === 'StateLeader';
    });
  }

  /** Peer 2 hears the leader, and has on disk what it gets. */
  answerAsPeer(): void {
    for (const message of this.sent.slice(this.#answered)) {
      this.#answered += 1;
      if (message.to !== 2) {
        continue;
      }
      const { from, term } = message;
      if (message.type === 'MsgApp') {
        const index = message.index + message.entries.length;
        const answer = { index, logTerm: 0, reject: false, rejectHint: 0, recoveringTerm: 0 };
        this.replica.receive({ type: 'MsgAppResp', to: from, from: 2, term, ...answer });
      } else if (message.type === 'MsgHeartbeat') {
        this.replica.receive({ type: 'MsgHeartbeatResp', to: from, from: 2, term, context: message.context });
      }
    }
  }
}

let temporary: TemporaryDirectory;
let world: World;

beforeEach(() => {
  temporary = temporaryDirectory();
  world = new World();
});
afterEach(async () => {
  await world.close();
  temporary.remove();
});

function put(name: string): Parameters<Replica['propose']>[0] {
  const value = SecretValue.copyOf(Buffer.from('value'));
  const id = newSecretId();
  return { kind: 'put', id, name, labels: undefined, origin: 'control', expect: 'always', value, at_ms: 1 };
}

/** An entry as node `from` forwards it. */
function forwarded(from: number, name: string): Entry {
  const request = { id: newRequestId(), baseIndex: 0, proposer: from, command: put(name) };
  return { index: 0, term: 0, type: 'EntryNormal', data: encodeRequest(request) };
}

const has = (operations: readonly DatabaseOperation[], key: Buffer): boolean =>
  operations.some((operation) => operation.key.equals(key));

describe('a replica', () => {
  test('B6: has term and vote on disk, as one record and in the checkpoint too, before it asks for votes', async () => {
    await world.open(temporary.path, [1, 2, 3]);
    await world.elect();
    const asked = world.events.findIndex(
      (event) => event.kind === 'sent' && event.message.type === 'MsgVote',
    );
    const before = world.events.slice(0, asked);
    const batches = before.flatMap((event) => (event.kind === 'written' ? [event.operations] : []));
    assert.equal(batches.filter((operations) => has(operations, HARD_STATE_KEY)).length, 1);
    for (const operations of batches) {
      const records = operations.filter(({ key }) => key.equals(HARD_STATE_KEY));
      assert.ok(records.length <= 1, 'no crash can part a vote from its term');
    }
    const durable = before.findLast((event) => event.kind === 'checkpoint is durable');
    assert.deepEqual([durable?.checkpoint.term, durable?.checkpoint.vote], [2, 1]);
  });

  test('sends what is proposed to its followers while its own disk is still to write it', async () => {
    await world.open(temporary.path, [1, 2, 3]);
    await world.elect();
    await world.untilAnswered(() => world.replica.status().commit === 4);
    const place = world.events.length;
    world.database.hangs = true;
    void world.replica.propose(put('early')).catch(() => undefined);
    await world.until(() =>
      world.sent.some(({ type, ...rest }) => type === 'MsgApp' && 'index' in rest && rest.index === 4),
    );
    assert.ok(world.events.slice(place).every(({ kind }) => kind !== 'written'));
  });

  test('acknowledges as a follower what it has on disk without writing anything, and keeps that for the next batch', async () => {
    await world.open(temporary.path, [1, 2, 3]);
    const entry = { index: 4, term: 5, type: 'EntryNormal', data: Buffer.alloc(0) } as const;
    const append = { type: 'MsgApp', to: 1, from: 2, term: 5 } as const;
    const acknowledged = (): number =>
      world.sent.filter((message) => message.type === 'MsgAppResp' && message.index === 4).length;
    world.replica.receive({ ...append, index: 3, logTerm: 1, entries: [entry], commit: 3 });
    await world.until(() => acknowledged() === 1);
    const place = world.events.length;
    world.replica.receive({ ...append, index: 4, logTerm: 5, entries: [], commit: 4 });
    await world.until(() => acknowledged() === 2, 1);
    const [first] = world.events.slice(place);
    assert.equal(first?.kind, 'sent', 'that more is committed is not written by itself');
    await world.until(() => !world.replica.state.changed);
    const batch = world.events.findLast((event) => event.kind === 'written');
    assert.ok(
      batch !== undefined && has(batch.operations, HARD_STATE_KEY) && has(batch.operations, APPLIED_KEY),
    );
  });

  test('takes what others forward into one append with its own, while the group before is under way', async () => {
    await world.open(temporary.path, [1, 2, 3]);
    await world.elect();
    await world.untilAnswered(() => world.replica.status().commit === 4);
    const appends = (): readonly number[] =>
      world.sent.flatMap((message) =>
        message.type === 'MsgApp' && message.to === 2 && message.entries.length > 0
          ? [message.entries.length]
          : [],
      );
    const before = appends().length;
    void world.replica.propose(put('first')).catch(() => undefined);
    // No time passes.
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    await turn();
    assert.equal(appends().length, before + 1);
    for (const from of [2, 3]) {
      const entries = [forwarded(from, `a${from}`), forwarded(from, `b${from}`)];
      world.replica.receive({ type: 'MsgProp', to: 1, from, term: 0, entries });
    }
    void world.replica.propose(put('second')).catch(() => undefined);
    await turn();
    await world.untilAnswered(() => world.replica.status().commit === 10);
    assert.deepEqual(appends().slice(before), [1, 5]);
  });

  test('B9: has how far it is applied in the same batch as what was applied', async () => {
    await world.open(temporary.path, [1]);
    await world.until(() => world.replica.status().raftState === 'StateLeader');
    const proposals = Promise.all(['a', 'b', 'c'].map((name) => world.replica.propose(put(name))));
    let done = false;
    void proposals.then(() => (done = true));
    await world.until(() => done);
    await world.until(() => !world.replica.state.changed);
    const stateKeys = world.events.flatMap((event) =>
      event.kind === 'written' && event.operations.some(({ key }) => key[0] === STATE_PREFIX)
        ? [event.operations]
        : [],
    );
    assert.ok(stateKeys.length > 0);
    for (const operations of stateKeys) {
      assert.ok(has(operations, APPLIED_KEY), 'no crash can part them');
    }
  });

  test('B21: gives up its leadership when its disk hangs, and ends the process when it hangs for long', async () => {
    await world.open(temporary.path, [1, 2, 3]);
    await world.elect();
    await world.untilAnswered(() => world.replica.status().commit === 4);
    world.database.hangs = true;
    void world.replica.propose(put('never')).catch(() => undefined);
    await world.untilAnswered(() => world.sent.some(({ type }) => type === 'MsgTimeoutNow'));
    const silent = world.sent.length;
    await world.until(() => world.faults.length > 0, 1_000);
    const later = world.sent.slice(silent).map(({ type }: Message) => type);
    assert.deepEqual(later, [], 'it sends no heartbeats that would keep others from taking over');
    assert.equal(world.faults[0]?.code, 'store.faulted');
    await assert.rejects(world.replica.readBarrier(10), { code: 'store.faulted' });
  });
});

/** The first byte of all keys of the state. */
const STATE_PREFIX = 'g'.charCodeAt(0);
