// SPDX-License-Identifier: Apache-2.0
// What doctor says of certificates that are secrets.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { issueCertificate } from '../../../src/certificates/index.ts';
import { SecretValue } from '../../../src/common/index.ts';
import { readWorkloadCertificates, workloadChecks } from '../../../src/daemon/doctor-workloads.ts';
import { certificateWish, type Labels, newSecretId } from '../../../src/secrets/index.ts';
import { DAY_MS } from '../../support/cluster-objects.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const NOW_MS = 20_000 * DAY_MS;

async function put(store: MemoryStore, name: string, labels: Labels, value: SecretValue): Promise<void> {
  const [id, at_ms] = [newSecretId(), NOW_MS];
  await store.propose({ kind: 'put', id, name, labels, origin: 'control', expect: 'always', value, at_ms });
}

async function withCertificates(): Promise<MemoryStore> {
  const store = new MemoryStore();
  for (const [name, ttl, labelled] of [
    ['web-tls', '10d', '10d'],
    // Somebody has changed the label since.
    ['odd-tls', '10d', '100d'],
  ] as const) {
    const wish = certificateWish({ 'coffer.cert.cn': 'web', 'coffer.cert.ttl': ttl });
    assert.ok(wish);
    const labels = { 'coffer.cert.cn': 'web', 'coffer.cert.ttl': labelled };
    await put(store, name, labels, await issueCertificate(store, wish, NOW_MS));
  }
  await put(store, 'other', {}, SecretValue.copyOf(Buffer.from('x')));
  await put(store, 'by-hand', { 'coffer.cert.cn': 'web' }, SecretValue.copyOf(Buffer.from('x')));
  return store;
}

test('doctor tells of certificates that end before they are renewed, and of those that are over', async () => {
  const store = await withCertificates();
  const told = (now_ms: number): readonly string[] =>
    workloadChecks(readWorkloadCertificates(store, now_ms), now_ms).map(
      ({ level, mend, message }) => `${level}: ${message} | ${mend}`,
    );
  assert.deepEqual(told(NOW_MS), [
    'warning: 1 certificate of secrets will expire before the labels have it renewed: odd-tls | Renew it: docker coffer rotate odd-tls',
  ]);
  assert.deepEqual(told(NOW_MS + 10 * DAY_MS), [
    'failure: 2 certificates of secrets expired: odd-tls, web-tls | Renew it: docker coffer rotate odd-tls',
  ]);
  store.loaded_percent = 50;
  assert.deepEqual(told(NOW_MS), []);
});
