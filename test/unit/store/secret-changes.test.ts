// SPDX-License-Identifier: Apache-2.0
// Who is told that secrets have changed.
import assert from 'node:assert/strict';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { deliveryOf } from '../../support/deliveries.ts';
import { putValue, removeSecret, withStore } from '../../support/test-store.ts';

describe('whoever watches the secrets', () => {
  let directory: TemporaryDirectory;

  beforeEach(() => {
    directory = temporaryDirectory();
  });

  afterEach(() => directory.remove());

  test('is told of each that is put or removed, when the store has it, until the watch ends', async () => {
    await withStore(path.join(directory.path, 'state'), async (store) => {
      const told: string[] = [];
      const end = store.replica.secretChanges.watch((ids, removed) => {
        told.push(...removed.map(({ name, versions }) => `${name} with ${versions.length} is removed`));
        for (const id of ids) {
          told.push(`${store.byId(id)?.name ?? 'nothing'} ${store.byId(id)?.versions.length ?? 0}`);
        }
      });
      const { id } = await putValue(store, 'db', Buffer.from('one'));
      await putValue(store, 'db', Buffer.from('two'));
      await putValue(store, 'api', Buffer.from('one'));
      await store.propose({
        kind: 'record-deliveries',
        deliveries: [deliveryOf('task', id, 1)],
      });
      await removeSecret(store, 'db');
      assert.deepEqual(told, ['db 1', 'db 2', 'api 1', 'db with 2 is removed', 'nothing 0']);
      end();
      await putValue(store, 'api', Buffer.from('two'));
      assert.equal(told.length, 5);
    });
  });

  test('is told once of what is applied in one go, and may change secrets itself', async () => {
    await withStore(path.join(directory.path, 'state'), async (store) => {
      const groups: number[] = [];
      let proposed: Promise<unknown> | undefined;
      store.replica.secretChanges.watch((ids) => {
        groups.push(ids.size);
        proposed ??= putValue(store, 'more', Buffer.from('one'));
      });
      const names = Array.from({ length: 50 }, (_, at) => `s${at}`);
      await Promise.all(names.map((name) => putValue(store, name, Buffer.from('one'))));
      await proposed;
      assert.equal(
        groups.reduce((sum, size) => sum + size, 0),
        51,
      );
      assert.ok(groups.length < 50, `in ${groups.length} groups`);
    });
  });
});
