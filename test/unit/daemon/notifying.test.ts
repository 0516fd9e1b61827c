// SPDX-License-Identifier: Apache-2.0
// Notices of secrets of a manager whose store is on a disk.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '../../../src/common/index.ts';
import { Notifying } from '../../../src/daemon/notices/notifying.ts';
import type { Notice } from '../../../src/notices/index.ts';
import { temporaryDirectory } from '../../support/cleanup.ts';
import { putValue, removeSecret, withStore } from '../../support/test-store.ts';
import { waitFor } from '../../support/wait-for.ts';

test('a manager that leads tells what becomes of secrets until its store is closed', async () => {
  const directory = temporaryDirectory();
  const told: Notice[] = [];
  const webhook = {
    deliver: (notice: Notice): Promise<boolean> => {
      told.push(notice);
      return Promise.resolve(true);
    },
  };
  const wait = (count: number): Promise<true> =>
    waitFor(() => told.length >= count, { what: `${count} notices`, interval_ms: 5 });
  try {
    await withStore(path.join(directory.path, 'state'), async (store) => {
      const notifying = new Notifying({ webhook, now_ms: Date.now, logger: silentLogger });
      const detach = notifying.attach(store);
      await waitFor(() => store.byName('coffer.notices') !== undefined, { what: 'the mark', interval_ms: 5 });
      await putValue(store, 'db', Buffer.from('one'));
      await wait(1);
      await removeSecret(store, 'db');
      await wait(2);
      await notifying.stop();
      detach();
      await putValue(store, 'later', Buffer.from('one'));
      const { nodeId: node } = store.replica.identity;
      assert.deepEqual(
        told.map(({ event, node: by, secret }) => [event, secret, by]),
        [
          ['changed', 'db', node],
          ['removed', 'db', node],
        ],
      );
    });
  } finally {
    directory.remove();
  }
});

test('where no notices are sent nothing is written', async () => {
  const directory = temporaryDirectory();
  try {
    await withStore(path.join(directory.path, 'state'), async (store) => {
      const detach = new Notifying({ webhook: undefined, now_ms: Date.now, logger: silentLogger }).attach(
        store,
      );
      await putValue(store, 'db', Buffer.from('one'));
      const { appliedIndex } = store.status();
      await putValue(store, 'db', Buffer.from('two'));
      detach();
      assert.equal(store.status().appliedIndex, appliedIndex + 1);
      assert.equal(store.byName('coffer.notices'), undefined);
    });
  } finally {
    directory.remove();
  }
});
