// SPDX-License-Identifier: Apache-2.0
// What goes wrong while the store serves, and the bounds that it keeps.
import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test, type TestContext } from 'node:test';
import { Level } from 'level';
import { type CofferError, SecretValue } from '../../../src/common/index.ts';
import type { Command } from '../../../src/secrets/index.ts';
import { DiskCheckpointFile, LevelDatabase } from '../../../src/storage/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { deliveryOf } from '../../support/deliveries.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { Acknowledged, openTestStore, putValue, removeSecret, withStore } from '../../support/test-store.ts';

let temporary: TemporaryDirectory;
let state: string;

beforeEach(() => {
  temporary = temporaryDirectory();
  state = path.join(temporary.path, 'state');
});
afterEach(() => temporary.remove());

describe('a store that serves', () => {
  test('names the values of a table that is gone, and serves all others', async (t) => {
    const random = new SeededRandom();
    const acknowledged = new Acknowledged();
    // Each start makes a table. With a fourth one LevelDB would begin to merge them, and run into those that are gone.
    for (let start = 0; start < 2; start += 1) {
      await withStore(state, async (store) => {
        for (let number = 0; number < 5; number += 1) {
          await acknowledged.put(store, `value-${start}-${number}`, random.bytes(100_000));
        }
      });
    }
    const store = await openTestStore(state);
    for (const name of readdirSync(path.join(state, 'database')).filter((file) => file.endsWith('.ldb'))) {
      rmSync(path.join(state, 'database', name));
    }
    await acknowledged.put(store, 'new', random.bytes(1_000));
    // LevelDB may have had some of the tables open.
    t.diagnostic(`${acknowledged.verify(store)} reads named the damage`);
    t.mock.method(Level.prototype, 'getSync', () => {
      throw new Error('IO error: unreadable');
    });
    assert.equal(acknowledged.verify(store), 10, 'all but the value that is not in a table yet');
    t.mock.restoreAll();
    await acknowledged.put(store, 'newer', random.bytes(1_000));
    await removeSecret(store, 'newer');
    await store.close();
  });

  const FAILURES: readonly {
    readonly what: string;
    readonly spoil: (t: TestContext) => void;
  }[] = [
    {
      what: "LevelDB's write",
      spoil: (t) =>
        t.mock.method(Level.prototype, 'batch', () => ({
          put: () => undefined,
          del: () => undefined,
          write: async () => Promise.reject(new Error('IO error')),
        })),
    },
    {
      what: "the checkpoint's write",
      spoil: (t) =>
        t.mock.method(DiskCheckpointFile.prototype, 'write', async () => Promise.reject(new Error('EIO'))),
    },
    { what: 'the look at the free space', spoil: () => rmSync(state, { recursive: true }) },
  ];
  for (const { what, spoil } of FAILURES) {
    test(`stops for good when ${what} fails, and settles all that waits`, async (t) => {
      const faults: CofferError[] = [];
      let clock_ms = 0;
      const store = await openTestStore(state, {
        onFault: (error) => faults.push(error),
        monotonic_ms: () => (clock_ms += 1_000),
      });
      await putValue(store, 'before', Buffer.from('value'));
      spoil(t);
      const began_ms = performance.now();
      const outcomes = await Promise.allSettled(
        Array.from({ length: 1_000 }, (_, number) => putValue(store, `n-${number}`, Buffer.from('value'))),
      );
      assert.ok(performance.now() - began_ms < 5_000, 'nobody waits for the deadline');
      for (const outcome of outcomes) {
        assert.equal(outcome.status === 'rejected' && (outcome.reason as CofferError).code, 'store.faulted');
      }
      assert.equal(faults.length, 1);
      assert.equal(faults[0]?.code, 'store.faulted');
      t.mock.restoreAll();
      await assert.rejects(putValue(store, 'later', Buffer.from('value')), { code: 'store.faulted' });
      assert.throws(() => store.status(), { code: 'store.faulted' });
      assert.equal(faults.length, 1);
      await store.close().catch(() => undefined);
    });
  }

  test('takes nothing into its log that it could not apply', async () => {
    const value = SecretValue.copyOf(Buffer.from('value'));
    const put = {
      kind: 'put',
      id: 'i',
      name: 'n',
      labels: undefined,
      origin: 'control',
      expect: 'always',
      value,
      at_ms: 1,
    } as const;
    const delivery = deliveryOf('t', 's', 1);
    const refused: readonly (readonly [Command, string])[] = [
      [{ ...put, name: '' }, 'secret.name-invalid'],
      [{ ...put, name: 'n'.repeat(65) }, 'secret.name-invalid'],
      [{ ...put, name: '☃'.repeat(64) }, 'secret.name-invalid'],
      [{ ...put, value: SecretValue.copyOf(Buffer.alloc(0)) }, 'secret.value-size'],
      [{ ...put, value: SecretValue.copyOf(Buffer.alloc(512_000)) }, 'secret.value-size'],
      [{ ...put, labels: { key: 'v'.repeat(600_000) } }, 'secret.label-invalid'],
      [{ ...put, id: 'i'.repeat(65) }, 'request.invalid'],
      [{ ...put, expect: 1.5 }, 'request.invalid'],
      [{ ...put, expect: -1 }, 'request.invalid'],
      [{ ...put, expect: 2 ** 32 }, 'request.invalid'],
      [{ ...put, at_ms: Number.NaN }, 'request.invalid'],
      [
        {
          kind: 'create',
          id: 'i',
          name: '..',
          labels: {},
          origin: 'gateway',
          pending: true,
          value,
          at_ms: 1,
        },
        'secret.name-invalid',
      ],
      [
        { kind: 'activate', id: 'i', engine: { secretId: 's'.repeat(65), swarmId: 's' }, at_ms: 1 },
        'request.invalid',
      ],
      [
        {
          kind: 'set-labels',
          id: 'i',
          labels: { key: 'v'.repeat(600_000) },
          expectIndex: undefined,
          at_ms: 1,
        },
        'secret.label-invalid',
      ],
      [{ kind: 'set-labels', id: 'i', labels: {}, expectIndex: -1, at_ms: 1 }, 'request.invalid'],
      [{ kind: 'remove', id: 'i'.repeat(65) }, 'request.invalid'],
      [
        { kind: 'record-deliveries', deliveries: Array.from({ length: 1_001 }, () => delivery) },
        'request.invalid',
      ],
      [
        { kind: 'record-deliveries', deliveries: [{ ...delivery, taskId: 't'.repeat(65) }] },
        'request.invalid',
      ],
      [{ kind: 'record-deliveries', deliveries: [{ ...delivery, version: -1 }] }, 'request.invalid'],
      [{ kind: 'record-deliveries', deliveries: [{ ...delivery, at_ms: 1.5 }] }, 'request.invalid'],
      [{ kind: 'record-deliveries', deliveries: [{ ...delivery, name: '' }] }, 'secret.name-invalid'],
    ];
    // As many labels as their bytes allow: more than a hundred thousand.
    const labels = Object.fromEntries(
      Array.from({ length: 120_000 }, (_, number) => [number.toString(36), '']),
    );
    await withStore(state, async (store) => {
      for (const [command, code] of refused) {
        await assert.rejects(store.propose(command), { code }, JSON.stringify(command).slice(0, 100));
      }
      await store.propose({ ...put, labels });
    });
    await withStore(state, async (store) => assert.deepEqual(store.byName('n')?.labels, labels));
  });

  test('writes many proposals with few batches', async (t) => {
    await withStore(state, async (store) => {
      const write = t.mock.method(LevelDatabase.prototype, 'write');
      await Promise.all(
        Array.from({ length: 1_000 }, (_, number) => putValue(store, `n-${number}`, Buffer.from('value'))),
      );
      const batches = write.mock.callCount();
      t.diagnostic(`1,000 proposals in ${batches} batches`);
      assert.ok(batches <= 50, `${batches} batches`);
    });
  });

  test('refuses what its queue cannot hold, and does all the rest', async () => {
    await withStore(state, async (store) => {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 5_000 }, (_, number) => putValue(store, `n-${number}`, Buffer.from('value'))),
      );
      const busy = outcomes.filter((outcome) => outcome.status === 'rejected');
      assert.equal(busy.length, 5_000 - 4_096);
      for (const { reason } of busy) {
        assert.equal((reason as CofferError).code, 'store.busy');
      }
      assert.equal(store.list().length, 4_096);
    });
  });

  test('settles every proposal when it is closed, and keeps what it acknowledged', async () => {
    const store = await openTestStore(state);
    const proposals = Array.from({ length: 800 }, (_, number) =>
      putValue(store, `n-${number}`, Buffer.from('value')),
    );
    await proposals[0];
    const late = Array.from({ length: 800 }, (_, number) =>
      putValue(store, `late-${number}`, Buffer.from('value')),
    );
    const closed = store.close();
    assert.equal(store.close(), closed, 'closing again is the same closing');
    await assert.rejects(putValue(store, 'too-late', Buffer.from('value')), { code: 'store.closed' });
    const outcomes = await Promise.allSettled([...proposals, ...late]);
    await closed;
    const acknowledged = outcomes.filter((outcome) => outcome.status === 'fulfilled').length;
    for (const outcome of outcomes) {
      assert.ok(outcome.status === 'fulfilled' || (outcome.reason as CofferError).code === 'store.closed');
    }
    for (const call of [
      () => store.byId('x'),
      () => store.byName('x'),
      () => store.list(),
      () => store.status(),
    ]) {
      assert.throws(call, { code: 'store.closed' });
    }
    await withStore(state, async (reopened) => assert.equal(reopened.list().length, acknowledged));
  });

  test('answers a read round at once, and reads what was just acknowledged', async () => {
    await withStore(state, async (store) => {
      const { id, version } = await putValue(store, 'Name', Buffer.from('value'));
      assert.equal(await store.readBarrier(1_000), 'linearizable');
      assert.equal(store.byName('nAME')?.id, id);
      assert.equal(store.readValue(id, version).expose().toString(), 'value');
      assert.throws(() => store.readValue(id, version + 1), { code: 'store.damaged' });
    });
  });
});

describe('the log', () => {
  for (const [what, logLimits] of [
    ['entries', { entriesMax: 20, bytesMax: 1e9 }],
    ['bytes', { entriesMax: 1e9, bytesMax: 20_000 }],
  ] as const) {
    test(`is compacted by ${what} under load, and the store reopens with all there`, async (t) => {
      const random = new SeededRandom();
      t.diagnostic(random.description);
      const acknowledged = new Acknowledged();
      for (let start = 0; start < 3; start += 1) {
        await withStore(
          state,
          async (store) => {
            for (let group = 0; group < 6; group += 1) {
              await Promise.all(
                Array.from({ length: 40 }, (_, number) =>
                  acknowledged.put(
                    store,
                    `n-${start}-${group}-${number}`,
                    random.bytes(1 + random.below(200)),
                  ),
                ),
              );
            }
            await putValueAlone(store, acknowledged, random);
            const { firstIndex, lastIndex } = store.status();
            assert.ok(lastIndex - firstIndex < 200, `the log is kept short: ${firstIndex} to ${lastIndex}`);
            assert.equal(acknowledged.verify(store), 0);
          },
          { logLimits },
        );
        await withStore(state, async (store) => assert.equal(acknowledged.verify(store), 0));
      }
    });
  }
});

/** One by one, so that each has a batch of its own, and compacted entries are deleted a piece at a time. */
async function putValueAlone(
  store: Awaited<ReturnType<typeof openTestStore>>,
  acknowledged: Acknowledged,
  random: SeededRandom,
): Promise<void> {
  for (let number = 0; number < 12; number += 1) {
    await acknowledged.put(store, 'versions', random.bytes(50));
  }
}
