// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CofferError, silentLogger } from '../../../src/common/index.ts';
import { StoreKeeper } from '../../../src/daemon/store-keeper.ts';
import { volumeReadiness } from '../../../src/daemon/volume-readiness.ts';

function keeperThatSays(code: CofferError['code']): StoreKeeper {
  const open = (): Promise<never> => Promise.reject(new CofferError(code, 'for this reason'));
  return new StoreKeeper({ open, logger: silentLogger });
}

test('a node that is locked or damaged says so before a volume is mounted', async () => {
  for (const code of ['store.locked', 'store.damaged', 'cluster.identity-missing'] as const) {
    const keeper = keeperThatSays(code);
    const ready = volumeReadiness(keeper);
    await keeper.open();
    await assert.rejects(ready(1_000), { code, detail: 'for this reason' });
    await keeper.close();
  }
});

test('a worker is ready without a store', async () => {
  const keeper = keeperThatSays('cluster.not-a-manager');
  await keeper.open();
  await volumeReadiness(keeper)(1_000);
  await keeper.close();
});

test('a node that is starting is waited for, and not for longer than asked', async () => {
  const keeper = keeperThatSays('cluster.not-a-manager');
  const ready = volumeReadiness(keeper);
  await assert.rejects(ready(10), { code: 'store.starting' });
  const waiting = ready(10_000);
  await keeper.open();
  await waiting;
  await keeper.close();
});
