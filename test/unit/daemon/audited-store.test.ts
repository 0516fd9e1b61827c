// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SecretValue } from '../../../src/common/index.ts';
import { auditedSource } from '../../../src/daemon/audited-store.ts';
import { CANCELLED, type Command, newSecretId } from '../../../src/secrets/index.ts';
import type { SecretStore } from '../../../src/store/index.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { RecordingAudit } from '../../support/recording-audit.ts';
import { rotateCommand } from '../../support/rotate-command.ts';

const VALUE = 'a value that no record may hold';

const put = (expect: 'always' | number): Command => ({
  kind: 'put',
  id: newSecretId(),
  name: 'db',
  labels: undefined,
  origin: 'control',
  expect,
  value: SecretValue.copyOf(Buffer.from(VALUE)),
  at_ms: 1,
});

test('what is changed through an interface leaves a record with its name, and none holds a value', async () => {
  const audit = new RecordingAudit();
  const store: SecretStore = auditedSource(sourceOf(new MemoryStore()), audit, 'control')();
  const { secret } = await store.propose(put('always'));
  await store.propose(put('always'));
  const id = secret?.id ?? '';
  await store.propose({ kind: 'rollback', id, version: 1, expect: undefined, at_ms: 2 });
  await store.propose({ kind: 'destroy', id, numbers: [2], at_ms: 3 });
  await assert.rejects(store.propose(put(1)), { code: 'secret.version-conflict' });
  await store.propose({ kind: 'remove', id });
  const by = 'control';
  assert.deepEqual(audit.records, [
    { event: 'put', secret: 'db', version: 1, by },
    { event: 'put', secret: 'db', version: 2, by },
    { event: 'rollback', secret: 'db', version: 3, by, detail: 'from version 1' },
    { event: 'destroy', secret: 'db', by, detail: 'versions 2' },
    { event: 'put', secret: 'db', by, code: 'secret.version-conflict' },
    { event: 'remove', secret: 'db', version: 3, by },
  ]);
  assert.ok(!JSON.stringify(audit.records).includes(VALUE));
});

test('a change that is told which request it is for is written down with the id of that', async () => {
  const audit = new RecordingAudit();
  const store = auditedSource(sourceOf(new MemoryStore()), audit, 'control')();
  await store.propose(put('always'), { controlRequest: 'deploy-17' });
  await assert.rejects(store.propose(put(7), { controlRequest: 'deploy-18' }));
  assert.deepEqual(audit.records, [
    { event: 'put', secret: 'db', version: 1, by: 'control', request: 'deploy-17' },
    { event: 'put', secret: 'db', by: 'control', request: 'deploy-18', code: 'secret.version-conflict' },
  ]);
});

test('a copy of all values leaves a record too, and what only reads does not', async () => {
  const audit = new RecordingAudit();
  const store = auditedSource(sourceOf(new MemoryStore()), audit, 'schedule')();
  store.list();
  store.byName('db');
  await store.readBarrier(1);
  assert.deepEqual(audit.records, []);
  store.exportSecrets();
  assert.deepEqual(audit.records, [{ event: 'backup', by: 'schedule' }]);
});

test('a rotation that is cancelled leaves a record that says so, apart from one that goes back by itself', async () => {
  const audit = new RecordingAudit();
  const inner = new MemoryStore();
  const store = auditedSource(sourceOf(inner), audit, 'control')();
  const id = (await inner.propose(put('always'))).secret?.id ?? '';
  for (const [rotationId, problem] of [
    ['r1', CANCELLED],
    ['r2', 'service web: its update is paused'],
  ] as const) {
    const value = SecretValue.copyOf(Buffer.from(VALUE));
    await store.propose(rotateCommand(id, rotationId, { value }));
    await store.propose({ kind: 'revert-rotation', id: rotationId, restore: true, problem, at_ms: 2 });
    await store.propose({ kind: 'end-rotation', id: rotationId, at_ms: 3 });
  }
  const [event, secret, by] = ['rotate', 'db', 'control'];
  assert.deepEqual(audit.records, [
    { event, secret, version: 2, by, detail: 'of 1 service' },
    { event, secret, version: 3, by, detail: 'cancelled' },
    { event, secret, version: 4, by, detail: 'of 1 service' },
    { event, secret, version: 5, by, detail: 'goes back' },
  ]);
});

function sourceOf(store: SecretStore): () => SecretStore {
  return () => store;
}
