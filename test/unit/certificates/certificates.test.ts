// SPDX-License-Identifier: Apache-2.0
// The CA for workloads in a store, and the files that it makes.
import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { beforeEach, describe, test } from 'node:test';
import * as tls from 'node:tls';
import {
  ensureWorkloadAuthority,
  finishWorkloadRotation,
  issueCertificate,
  leafOf,
  partOf,
  readWorkloadAuthority,
  rotateWorkloadAuthority,
  trustedPrevious,
} from '../../../src/certificates/index.ts';
import { CofferError, SecretValue } from '../../../src/common/index.ts';
import {
  type CertificatePart,
  certificateWish,
  type CertificateWish,
  newSecretId,
} from '../../../src/secrets/index.ts';
import { DAY_MS } from '../../support/cluster-objects.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const LABELS = { 'coffer.cert.cn': 'localhost', 'coffer.cert.sans': '127.0.0.1' };
const CERTIFICATE = /-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n/g;

function wish(): CertificateWish {
  const read = certificateWish(LABELS);
  assert.ok(read);
  return read;
}

/** The files of a certificate, as a workload has them. */
interface Files {
  readonly bundle: string;
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

function filesOf(value: SecretValue): Files {
  const part = (name: CertificatePart): string => partOf(value, name).expose().toString('latin1');
  return { bundle: part('bundle'), cert: part('cert'), key: part('key'), ca: part('ca') };
}

async function issue(store: MemoryStore, now_ms = Date.now()): Promise<Files> {
  return filesOf(await issueCertificate(store, wish(), now_ms));
}

/** Stores a certificate as the secret `name`, as its first use does. */
async function store(into: MemoryStore, name: string, now_ms: number): Promise<void> {
  const value = await issueCertificate(into, wish(), now_ms);
  await into.propose({
    kind: 'put',
    id: newSecretId(),
    name,
    labels: LABELS,
    origin: 'generated',
    expect: 'always',
    value,
    at_ms: now_ms,
  });
}

/** Resolves once both have believed the other: each has its own certificate and trusts the `ca` of its own files. */
async function shakeHands(server: Files, client: Files): Promise<void> {
  const common = { minVersion: 'TLSv1.3', rejectUnauthorized: true } as const;
  const listener = tls.createServer(
    { ...common, cert: server.cert, key: server.key, ca: server.ca, requestCert: true },
    (socket) => {
      socket.on('error', () => undefined);
      socket.end('1');
    },
  );
  listener.on('tlsClientError', () => undefined);
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const socket = tls.connect({
    ...common,
    host: '127.0.0.1',
    port,
    servername: 'localhost',
    cert: client.cert,
    key: client.key,
    ca: client.ca,
  });
  try {
    await once(socket, 'data');
  } finally {
    socket.destroy();
    listener.close();
  }
}

describe('the files of a certificate', () => {
  test('are the key, the certificate and the root, each by itself and all in one', async () => {
    const files = await issue(new MemoryStore());
    assert.equal(files.bundle, files.key + files.cert + files.ca);
    const key = createPrivateKey(files.key);
    assert.equal(key.export({ format: 'pem', type: 'pkcs8' }), files.key, 'as OpenSSL writes it');
    const leaf = new X509Certificate(files.cert);
    assert.ok(leaf.checkPrivateKey(key));
    assert.ok(leaf.checkIssued(new X509Certificate(files.ca)));
    assert.deepEqual([files.cert.match(CERTIFICATE)?.length, files.ca.match(CERTIFICATE)?.length], [1, 1]);
  });

  test('are those of one certificate only where the value is one', () => {
    for (const text of [
      'a password',
      '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n',
      '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
    ]) {
      const value = SecretValue.copyOf(Buffer.from(text));
      assert.equal(leafOf(value), undefined);
      assert.throws(
        () => partOf(value, 'key'),
        (error) =>
          error instanceof CofferError &&
          error.code === 'secret.label-invalid' &&
          !error.message.includes('AAAA'),
      );
    }
  });

  test('let two workloads speak mutual TLS', async () => {
    const made = new MemoryStore();
    await shakeHands(await issue(made), await issue(made));
    await assert.rejects(shakeHands(await issue(made), await issue(new MemoryStore())));
  });
});

describe('the CA for workloads', () => {
  let made: MemoryStore;
  const now_ms = Date.now();
  beforeEach(() => {
    made = new MemoryStore();
  });

  test('is made at the first use, once, also where several make it at the same time', async () => {
    assert.equal(readWorkloadAuthority(made), undefined);
    const all = await Promise.all([1, 2, 3].map(() => ensureWorkloadAuthority(made, now_ms)));
    assert.equal(new Set(all.map(({ certificate }) => certificate)).size, 1);
    assert.equal(made.byName('coffer.workload-ca')?.versions.length, 1);
  });

  test('comes back with a backup as the secret that it is, and issues as before', async () => {
    const before = await issue(made);
    const saved = made.byName('coffer.workload-ca');
    assert.ok(saved);
    const { createdAt_ms, destroyed, id, labels, name, origin, updatedAt_ms, versions } = saved;
    const restored = new MemoryStore();
    await restored.propose({
      kind: 'restore',
      id,
      name,
      labels,
      origin,
      existing: 'refuse',
      createdAt_ms,
      updatedAt_ms,
      versions: versions.map(({ number }) => ({ number, createdAt_ms, value: made.readValue(id, number) })),
      destroyed,
    });
    await shakeHands(await issue(restored), before);
  });

  test('is rotated under those who use it: each believes each, whichever root it knows', async () => {
    await store(made, 'web', now_ms);
    const before = await issue(made);
    await rotateWorkloadAuthority(made, now_ms);
    const after = await issue(made);
    assert.equal(after.ca.match(CERTIFICATE)?.length, 2, 'both roots are trusted');
    assert.equal(after.cert.match(CERTIFICATE)?.length, 2, 'and the new one is vouched for by the old one');
    assert.equal(after.bundle, after.key + after.cert + after.ca);
    await shakeHands(after, before);
    await shakeHands(before, after);
    await shakeHands(after, after);
    assert.equal(made.byName('coffer.workload-ca')?.versions.length, 1, 'no key that issues no more is kept');
  });

  test('trusts the root before until its last certificate is over, and is rotated again then', async () => {
    await ensureWorkloadAuthority(made, now_ms - 3 * DAY_MS);
    await store(made, 'web', now_ms - DAY_MS);
    await store(made, 'web', now_ms - 2 * DAY_MS);
    const rotated = await rotateWorkloadAuthority(made, now_ms);
    const end_ms = rotated.previous?.until_ms ?? 0;
    assert.equal(Math.floor((now_ms + 29 * DAY_MS) / 1_000), end_ms / 1_000, 'also one of a version before');
    assert.ok(trustedPrevious(rotated, end_ms - 1));
    assert.equal(trustedPrevious(rotated, end_ms), undefined);
    await assert.rejects(rotateWorkloadAuthority(made, end_ms - 1), /cluster.rotation-running/);
    assert.equal((await issue(made, end_ms)).ca.match(CERTIFICATE)?.length, 1);
    await rotateWorkloadAuthority(made, end_ms);
  });

  test('forgets the root before at once when it is told to', async () => {
    await store(made, 'web', now_ms);
    const before = await issue(made);
    await rotateWorkloadAuthority(made, now_ms);
    await finishWorkloadRotation(made, now_ms);
    const after = await issue(made);
    assert.equal(after.ca.match(CERTIFICATE)?.length, 1);
    await assert.rejects(shakeHands(after, before));
    const version = made.byName('coffer.workload-ca')?.versions.at(-1)?.number;
    await finishWorkloadRotation(made, now_ms);
    assert.equal(made.byName('coffer.workload-ca')?.versions.at(-1)?.number, version, 'once');
  });

  test('of a store without certificates leaves no root to be trusted when it is rotated', async () => {
    const first = await rotateWorkloadAuthority(made, now_ms);
    const second = await rotateWorkloadAuthority(made, now_ms);
    assert.notEqual(first.certificate, second.certificate);
    assert.equal((await issue(made, now_ms)).ca, second.certificate);
  });
});
