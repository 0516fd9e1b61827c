// SPDX-License-Identifier: Apache-2.0
// All secrets of a store as they were at one entry of its log.
import assert from 'node:assert/strict';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { SealingKeyObject } from '../../../src/membership/index.ts';
import type { Secret } from '../../../src/secrets/index.ts';
import type { ExportedRecord, ReplicatedStore } from '../../../src/store/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { aSealingKey } from '../../support/cluster-objects.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { putValue, removeSecret, withStore } from '../../support/test-store.ts';

interface Export {
  readonly appliedIndex: number;
  readonly sealingKeys: readonly SealingKeyObject[];
  readonly secrets: ReadonlyMap<string, { readonly secret: Secret; readonly values: readonly string[] }>;
}

/** Reads an export to its end; `during` is awaited after each record. */
async function collect(
  records: AsyncIterable<ExportedRecord>,
  during: () => Promise<unknown> = () => Promise.resolve(),
): Promise<Export> {
  let appliedIndex = 0;
  const secrets = new Map<string, { readonly secret: Secret; readonly values: string[] }>();
  let values: string[] = [];
  const sealingKeys: SealingKeyObject[] = [];
  for await (const record of records) {
    if (record.kind === 'begin') {
      appliedIndex = record.appliedIndex;
    } else if (record.kind === 'secret') {
      values = [];
      secrets.set(record.secret.name, { secret: record.secret, values });
    } else if (record.kind === 'sealing-key') {
      sealingKeys.push(record.key);
    } else {
      values.push(record.bytes.toString('hex'));
    }
    await during();
  }
  return { appliedIndex, secrets, sealingKeys };
}

function assertIsStore({ secrets }: Export, store: ReplicatedStore): void {
  assert.equal(secrets.size, store.list().length);
  for (const { secret, values } of secrets.values()) {
    assert.deepEqual(secret, store.byId(secret.id));
    assert.deepEqual(
      values,
      secret.versions.map(({ number }) => store.readValue(secret.id, number).expose().toString('hex')),
    );
  }
}

describe('the export of the secrets', () => {
  let directory: TemporaryDirectory;
  /** A store's own timers let a process end, which a daemon's sockets do not. */
  let alive: NodeJS.Timeout;
  beforeEach(() => {
    directory = temporaryDirectory();
    alive = setInterval(() => undefined, 1_000);
  });
  afterEach(() => {
    clearInterval(alive);
    directory.remove();
  });
  const state = (): string => path.join(directory.path, 'state');

  test('has all that was acknowledged a moment before, with every version', async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    await withStore(state(), async (store) => {
      for (let count = 0; count < 60; count += 1) {
        await putValue(store, `secret-${random.below(15)}`, random.bytes(1 + random.below(2_000)));
      }
      const exported = await collect(store.exportSecrets());
      assertIsStore(exported, store);
      assert.equal(exported.appliedIndex, store.status().appliedIndex);
    });
  });

  test('of an empty store is empty', async () => {
    await withStore(state(), async (store) => {
      assert.equal((await collect(store.exportSecrets())).secrets.size, 0);
    });
  });

  test('is a point in time, whatever is put and removed meanwhile', async () => {
    await withStore(state(), async (store) => {
      for (let number = 0; number < 12; number += 1) {
        await putValue(store, `secret-${number}`, Buffer.from(`first ${number}`));
      }
      let puts = 0;
      const exported = await collect(store.exportSecrets(), async () => {
        puts += 1;
        await putValue(store, `secret-${puts % 12}`, Buffer.from(`later ${puts}`));
        await putValue(store, `new-${puts}`, Buffer.from('new'));
        if (store.byName('secret-5') !== undefined) {
          await removeSecret(store, 'secret-5');
        }
      });
      assert.deepEqual(
        [...exported.secrets.keys()].sort(),
        Array.from({ length: 12 }, (_, number) => `secret-${number}`).sort(),
      );
      for (const [name, { values }] of exported.secrets) {
        const number = name.slice('secret-'.length);
        assert.deepEqual(values, [Buffer.from(`first ${number}`).toString('hex')], name);
      }
      assert.ok(exported.appliedIndex < store.status().appliedIndex);
    });
  });

  test('has the sealing keys, and of the cluster nothing else', async () => {
    await withStore(state(), async (store) => {
      const later = aSealingKey('two', { madeAt_ms: 2_000 });
      await store.propose({ kind: 'ask-purge', at_ms: 1 });
      await store.propose({ kind: 'add-sealing-key', key: aSealingKey('one'), after: '' });
      await store.propose({ kind: 'add-sealing-key', key: later, after: 'one' });
      const { sealingKeys } = await collect(store.exportSecrets());
      assert.deepEqual(
        sealingKeys.toSorted((a, b) => b.madeAt_ms - a.madeAt_ms),
        [later, aSealingKey('one', { active: false })],
      );
    });
  });

  test('that is given up half-way lets go of the disk, and the store closes', async () => {
    await withStore(state(), async (store) => {
      await putValue(store, 'one', Buffer.from('value'));
      for await (const record of store.exportSecrets()) {
        assert.equal(record.kind, 'begin');
        break;
      }
    });
  });

  test('wipes each value as soon as the next record is asked for', async () => {
    await withStore(state(), async (store) => {
      await putValue(store, 'one', Buffer.from('value'));
      let value: Buffer | undefined;
      for await (const record of store.exportSecrets()) {
        value = record.kind === 'value' ? record.bytes : value;
      }
      assert.ok(value !== undefined && value.every((byte) => byte === 0));
    });
  });
});
