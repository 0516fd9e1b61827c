// SPDX-License-Identifier: Apache-2.0
// The index that is loaded while the state serves already: nobody can tell it from one that was whole from the start.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type Command, DELIVERIES_PER_COMMAND } from '../../../src/secrets/index.ts';
import type { SecretState } from '../../../src/store/state/secret-state.ts';
import { deliveryOf } from '../../support/deliveries.ts';
import { HeldClock } from '../../support/held-clock.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { put, StateHarness } from './state-harness.ts';

const NAMES = 260;
/** Some four secrets fill a group, so that a load has many steps. */
const LABEL_LENGTH_MAX = 8_000;

const requestId = (number: number): string => number.toString(16).padStart(32, '0');

/** Any command on any secret, drawn so that names and ids of removed secrets come back. */
function anyCommand(random: SeededRandom, number: number): Command {
  const name = `Name-${random.below(NAMES)}`;
  const id = `id-${name}`;
  const at_ms = number;
  const labels = { label: 'x'.repeat(random.below(LABEL_LENGTH_MAX)) };
  const value = put(name, random.bytes(1 + random.below(40))).value;
  switch (random.below(8)) {
    case 0:
    case 1:
      return { kind: 'remove', id };
    case 2:
      // The same name under another id.
      return put(name.toLowerCase(), random.bytes(5), { id: `${id}-${number}`, labels, at_ms });
    case 3:
      return { kind: 'create', id, name, labels, origin: 'gateway', pending: true, value, at_ms };
    case 4:
      return { kind: 'activate', id, engine: { secretId: `e-${number}`, swarmId: 's' }, at_ms };
    case 5: {
      const deliveries = Array.from({ length: random.below(3) }, () =>
        deliveryOf(`task-${random.below(50)}`, id, 1, { pinned: random.below(2) === 0 }),
      );
      assert.ok(deliveries.length <= DELIVERIES_PER_COMMAND);
      return { kind: 'record-deliveries', deliveries };
    }
    default:
      return put(name, random.bytes(1 + random.below(40)), { labels, at_ms });
  }
}

const ended = (state: SecretState) => (): boolean => state.load.progress_percent === undefined;
const rethrow = (thrown: unknown): never => {
  throw thrown;
};

describe('an index that is loaded in the background', () => {
  const random = new SeededRandom();
  let clock: HeldClock;
  let node: StateHarness;
  let twin: StateHarness;
  let number = 0;

  beforeEach(async () => {
    clock = new HeldClock();
    number = 0;
    node = await StateHarness.make();
    for (; number < 900; number += 1) {
      node.apply(anyCommand(random, number), { id: requestId(number) });
      if (number % 100 === 0) {
        await node.flush();
      }
    }
    await node.flush();
    twin = await node.crashCopy();
    await begin();
  });
  afterEach(async () => {
    await node.close();
    await twin.close();
  });

  /** Starts `node` with nothing but what a start must read; `twin` has read all. */
  async function begin(): Promise<void> {
    await node.reopen({ secretsReadFirstMax: 0 });
    node.state.load.start(clock, rethrow);
  }

  /** Both apply the same command, and answer the same. */
  function applyToBoth(): void {
    const command = anyCommand(random, number);
    const outcome = node.apply(command, { id: requestId(number) });
    assert.deepEqual(outcome, twin.apply(command, { id: requestId(number) }));
    number += 1;
  }

  function assertSameAnswers(): void {
    const name = `nAmE-${random.below(NAMES)}`;
    const [one, other] = [node.state.index, twin.state.index];
    assert.deepEqual(one.byName(name), other.byName(name), name);
    const id = other.byName(name)?.id ?? `id-Name-${random.below(NAMES)}`;
    assert.deepEqual(one.byId(id), other.byId(id), id);
    assert.equal(one.size, other.size);
    const versions = [one, other].map((index) => index.deliveries.deliveredVersion('task-7', id));
    assert.equal(versions[0], versions[1]);
  }

  async function finish(): Promise<number> {
    let steps = 0;
    while (await clock.step(ended(node.state))) {
      steps += 1;
    }
    await node.state.load.ended;
    return steps;
  }

  function assertSameState(): void {
    assert.deepEqual(node.content(), twin.content());
    assert.deepEqual(node.state.digest, twin.state.digest);
    const bound = new Map(twin.state.index.list().map((secret) => [secret.engine?.secretId, secret]));
    for (let drawn = 0; drawn < number; drawn += 1) {
      const engineId = `e-${drawn}`;
      assert.deepEqual(node.state.index.byEngineId(engineId), bound.get(engineId), engineId);
    }
  }

  test('answers and applies as one that was whole at the start, whatever changes while it is loaded', async (t) => {
    t.diagnostic(random.description);
    let steps = 0;
    do {
      for (let change = random.below(12); change > 0; change -= 1) {
        applyToBoth();
        assertSameAnswers();
      }
      assert.deepEqual(node.state.digest, twin.state.digest);
      assert.throws(() => node.state.index.list(), { code: 'store.starting' });
      assert.throws(() => node.state.index.byEngineId('e-1'), { code: 'store.starting' });
      if (random.below(4) === 0) {
        await node.flush();
      }
      steps += 1;
    } while (await clock.step(ended(node.state)));
    await node.state.load.ended;
    t.diagnostic(`${steps} steps, ${number - 900} changes, ${node.state.index.size} secrets`);
    assert.ok(steps > 30);
    assertSameState();
    await node.flush();
    await node.reopen();
    assertSameState();
  });

  test('is begun anew by a restart in the middle of it, with all that was written since', async (t) => {
    t.diagnostic(random.description);
    for (let restart = 0; restart < 6; restart += 1) {
      for (let step = random.below(20); step > 0; step -= 1) {
        applyToBoth();
        await clock.step(ended(node.state));
      }
      await node.flush();
      clock = new HeldClock();
      await begin();
      assertSameAnswers();
    }
    await finish();
    assertSameState();
  });

  test('lets its database be closed in the middle of a step', async () => {
    await clock.step(ended(node.state));
    node.state.load.stop();
    await node.database.close();
    while (await clock.step(() => true)) {
      // What is left of it must do nothing.
    }
    await node.state.load.ended;
    await node.reopen();
    assertSameState();
  });

  test('gives way to a snapshot, which is whole at once', async () => {
    const other = await StateHarness.make();
    for (let change = 0; change < 1_000; change += 1) {
      other.apply(anyCommand(random, change), { id: requestId(change) });
    }
    await other.flush();
    await clock.step(ended(node.state));
    applyToBoth();
    await node.install(await node.stage(await other.export()));
    assert.equal(node.state.load.progress_percent, undefined);
    await node.state.load.ended;
    assert.deepEqual(node.content(), other.content());
    while (await clock.step(() => true)) {
      // Whatever is left of the load.
    }
    node.apply(put('Name-1', 'after it'), { id: requestId(5_000) });
    other.apply(put('Name-1', 'after it'), { id: requestId(5_000) });
    assert.deepEqual(node.content(), other.content());
    await node.flush();
    await node.reopen();
    await other.close();
    assert.equal(node.state.index.byName('name-1')?.name.toLowerCase(), 'name-1');
  });

  test('exports the whole state while it is loaded', async () => {
    await clock.step(ended(node.state));
    const other = await StateHarness.make();
    await other.install(await other.stage(await node.export()));
    assert.deepEqual(other.content(), twin.content());
    await other.close();
  });

  test('says how far it is, up to its end', async () => {
    const seen: number[] = [];
    do {
      seen.push(node.state.load.progress_percent ?? 100);
    } while (await clock.step(ended(node.state)));
    assert.equal(seen[0], 0);
    assert.deepEqual(
      seen,
      [...seen].sort((a, b) => a - b),
    );
    assert.ok(seen.some((percent) => percent > 40 && percent < 60));
    assert.equal(node.state.load.progress_percent, undefined);
  });

  describe('over a database that is not what was written', () => {
    const DAMAGES = ['altered', 'lost', 'older'] as const;
    for (const kind of ['s', 'n'] as const) {
      for (const damage of DAMAGES) {
        test(`tells of a record ${damage} (${kind})`, async () => {
          const older = await olderRecord(kind);
          // Only now: to find an older one, changes were made, which may have removed any.
          const [key, record] = (await recordsOf(kind))[3] ?? assert.fail('there are records');
          if (damage === 'lost') {
            await node.database.write([{ type: 'del', key }], { sync: true });
          } else if (damage === 'altered') {
            record.writeUInt8(record.readUInt8(record.length - 1) ^ 1, record.length - 1);
            await node.database.write([{ type: 'put', key, value: record }], { sync: true });
          } else {
            await node.database.write([{ type: 'put', ...older }], { sync: true });
          }
          const errors: unknown[] = [];
          await node.reopen({ secretsReadFirstMax: 0 });
          node.state.load.start(clock, (thrown) => errors.push(thrown));
          while (errors.length === 0 && (await clock.step(() => errors.length > 0 || ended(node.state)()))) {
            // On to where it is found.
          }
          await node.state.load.ended;
          assert.equal((errors[0] as { code?: string }).code, 'store.damaged');
          assert.equal(errors.length, 1);
          assert.throws(() => node.state.index.list(), { code: 'store.starting' });
          await assert.rejects(node.reopen(), { code: 'store.damaged' });
        });
      }
    }

    test('names a secret that was lost from under its name at the call that asks for it', async () => {
      const { id, name } = twin.state.index.list()[0] ?? assert.fail('there are secrets');
      await removeSecretRecord(id);
      assert.throws(() => node.state.index.byName(name), { code: 'store.damaged' });
    });

    async function recordsOf(kind: string): Promise<[Buffer, Buffer][]> {
      const records: [Buffer, Buffer][] = [];
      for await (const group of node.database.groups(
        { from: Buffer.from('g'), before: Buffer.from('h') },
        'all',
      )) {
        records.push(...group.map(([key, record]): [Buffer, Buffer] => [key, record]));
      }
      return records.filter(([key]) => key.toString('latin1', 9, 10) === kind);
    }

    /** A record that the state has replaced since, or removed. */
    async function olderRecord(kind: string): Promise<{ readonly key: Buffer; readonly value: Buffer }> {
      const before = await recordsOf(kind);
      for (;;) {
        applyToBoth();
        await node.flush();
        const after = new Map((await recordsOf(kind)).map(([key, record]) => [key.toString('hex'), record]));
        const found = before.find(([key, record]) => after.get(key.toString('hex'))?.equals(record) !== true);
        if (found !== undefined) {
          return { key: found[0], value: found[1] };
        }
      }
    }

    async function removeSecretRecord(id: string): Promise<void> {
      const before = await node.crashCopy();
      before.apply({ kind: 'remove', id });
      const batch = before.state.batch();
      const [operation] = batch.operations.filter(
        ({ type, key }) => type === 'del' && key.toString('latin1', 9, 10) === 's',
      );
      assert.ok(operation !== undefined);
      await before.close();
      await node.database.write([operation], { sync: true });
      await node.reopen({ secretsReadFirstMax: 0 });
    }
  });
});
