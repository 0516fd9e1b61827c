// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missingValues } from '../../../src/daemon/doctor-secrets.ts';
import type { EngineSecret } from '../../../src/engine/index.ts';
import { newSealingKey } from '../../../src/sealing/index.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { addSealingKey, sealedFor } from '../../support/sealed-values.ts';
import { putValue } from '../../support/test-store.ts';

function registered(name: string, labels: EngineSecret['labels'] = {}): EngineSecret {
  return { id: `id-${name}`, name, driver: 'coffer', labels, createdAt: '', versionIndex: 1 };
}

/** As `ok` or the mend, behind what is said. */
async function said(store: MemoryStore, ...secrets: readonly EngineSecret[]): Promise<readonly string[]> {
  const engine = { listSecrets: () => Promise.resolve(secrets) };
  const { level, mend, message } = await missingValues(engine, store, 'coffer');
  return [message, mend ?? level];
}

test('a secret of the engine has a value in the store, sealed in its label, or made at the first use', async () => {
  const store = new MemoryStore();
  const key = await addSealingKey(store);
  await putValue(store, 'stored', Buffer.from('value'));
  const secrets = [
    registered('stored'),
    registered('made', { 'coffer.generate': 'hex:32' }),
    registered('sealed', { 'coffer.sealed': sealedFor(key, 'sealed', 'value') }),
    { ...registered('plain'), driver: undefined },
  ];
  assert.deepEqual(await said(store, ...secrets), [
    'the engine has 3 secrets of coffer, each with a value',
    'ok',
  ]);
  assert.deepEqual(await said(store, ...secrets, registered('gone')), [
    'the engine has secrets of coffer without a value: gone',
    'Store it: docker coffer put gone -',
  ]);
});

test('a sealed value whose key is not here, or that is no sealed value, is said to be so', async () => {
  const store = new MemoryStore();
  const stranger = newSealingKey('s'.repeat(25), 1);
  const labels = { 'coffer.sealed': sealedFor(stranger, 'db', 'value') };
  assert.deepEqual(await said(store, registered('db', labels)), [
    `secret db of the engine cannot be handed out: this cluster does not have the key ${stranger.id} that the value was sealed to; it was one of cluster ${'s'.repeat(25)}`,
    'Seal the value again for this cluster, or see which keys it has: docker coffer sealing-key',
  ]);
  const [message] = await said(store, registered('db', { 'coffer.sealed': 'value' }));
  assert.equal(
    message,
    'secret db of the engine cannot be handed out: a sealed value begins with coffer-sealed-1.',
  );
});
