// SPDX-License-Identifier: Apache-2.0
// The file that says who a node is: what is written is read again, and what is wrong with it is said precisely.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { credentialsOf, IdentityStore, type NodeIdentityFile } from '../../../src/cluster/identity.ts';
import { OwnIdentity } from '../../../src/cluster/own-identity.ts';
import { CofferError } from '../../../src/common/index.ts';
import { newUnlockKey } from '../../../src/crypto/index.ts';
import { createAuthority, exportKey, generateKey, issueCertificate } from '../../../src/pki/index.ts';
import { CredentialsSource } from '../../../src/transport/index.ts';
import { temporaryDirectory } from '../../support/cleanup.ts';
import { DAY_MS } from '../../support/cluster-objects.ts';

const CLUSTER_ID = 'c'.repeat(25);
const NODE_ID = 'n'.repeat(25);

function anIdentity(): NodeIdentityFile {
  const now_ms = Date.now();
  const authority = createAuthority({ clusterId: CLUSTER_ID, now_ms });
  const key = generateKey();
  const subject = { clusterId: CLUSTER_ID, nodeId: NODE_ID, role: 'manager' } as const;
  return {
    ...subject,
    raftId: 2 ** 48 - 2,
    storeMade: true,
    certificates: [issueCertificate({ authority, publicKey: key, subject, now_ms, lifetime_ms: DAY_MS })],
    key: exportKey(key),
    roots: [authority.certificate],
    managers: [{ nodeId: NODE_ID, raftId: 7, address: '[::1]:7373' }],
  };
}

interface Place {
  readonly file: string;
  readonly store: IdentityStore;
}

function place(t: TestContext): Place {
  const directory = temporaryDirectory();
  t.after(() => directory.remove());
  const state = path.join(directory.path, 'deep', 'state');
  return { file: path.join(state, 'identity.json'), store: new IdentityStore(state) };
}

test('an identity is read as it was written, and nobody else may read it', async (t) => {
  const { file, store } = place(t);
  assert.equal(await store.read(), undefined);
  const identity = anIdentity();
  await store.write(identity);
  assert.deepEqual(await store.read(), identity);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(statSync(path.dirname(file)).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(path.dirname(file)), ['identity.json'], 'no other file is left');
  await store.remove();
  await store.remove();
  assert.equal(await store.read(), undefined);
});

const DAMAGE: readonly (readonly [string, (text: string) => string, RegExp])[] = [
  ['nothing in it', () => '', /is not what was written/],
  ['half of it', (text) => text.slice(0, text.length / 2), /is not what was written/],
  ['another format', (text) => text.replace('"format": 1', '"format": 2'), /is not what was written/],
  ['a field more', (text) => text.replace('{', '{"more": 1,'), /is not what was written/],
  ['a role that is none', (text) => text.replace('"manager"', '"king"'), /is not what was written/],
  ['far too much', (text) => text.padEnd(300_000, ' x'), /is not what was written/],
  [
    'another role than the certificate',
    (text) => text.replace('"manager"', '"worker"'),
    /belongs to another/,
  ],
  ['another node', (text) => text.replace(NODE_ID, 'm'.repeat(25)), /belongs to another node/],
  ['another cluster', (text) => text.replace(CLUSTER_ID, 'd'.repeat(25)), /belongs to another node/],
  [
    'a broken certificate',
    (text) => text.replace('CERTIFICATE-----\\nMII', 'CERTIFICATE-----\\nMIX'),
    /damaged/,
  ],
  [
    'the key of another',
    (text) => text.replace(/"key": "[^"]+"/, `"key": "${exportKey(generateKey()).toString('base64')}"`),
    /belongs to another node or key/,
  ],
  ['no key', (text) => text.replace(/"key": "[^"]+"/, '"key": "AAAA"'), /damaged: the private key/],
  ['roots that are none', (text) => text.replace(/"roots": \[[^\]]+\]/, '"roots": ["x"]'), /damaged/],
];

for (const [what, damage, sentence] of DAMAGE) {
  test(`a file with ${what} is refused, with a sentence that quotes nothing of it`, async (t) => {
    const { file, store } = place(t);
    await store.write(anIdentity());
    const whole = readFileSync(file, 'utf8');
    const damaged = damage(whole);
    assert.notEqual(damaged, whole);
    writeFileSync(file, damaged);
    await assert.rejects(store.read(), (error) => {
      assert.ok(error instanceof CofferError && error.code === 'cluster.identity-missing', String(error));
      assert.match(error.detail, sentence);
      assert.ok(error.message.includes(file) && error.hint !== undefined);
      assert.ok(error.message.length < 400, error.message);
      return true;
    });
  });
}

test('a file that cannot be read is another trouble than one that is wrong', async (t) => {
  const { file, store } = place(t);
  mkdirSync(file, { recursive: true });
  await assert.rejects(store.read(), { code: 'store.faulted' });
});

test('what is written at the same time comes one after the other: the last one stays, and is whole', async (t) => {
  const { store } = place(t);
  const identities = [1, 2, 3, 4, 5, 6].map((count) => {
    const identity = anIdentity();
    return { ...identity, managers: Array.from({ length: 7 - count }, () => identity.managers).flat() };
  });
  await Promise.all(identities.map((identity) => store.write(identity)));
  assert.deepEqual(await store.read(), identities.at(-1));
});

test('new roots and a new certificate may come at the same time, and neither undoes the other', async (t) => {
  const { store } = place(t);
  const [before, after] = [anIdentity(), anIdentity()];
  const own = new OwnIdentity(store, before, new CredentialsSource(credentialsOf(before)));
  await Promise.all([
    own.update({ roots: after.roots }),
    own.update({ certificates: after.certificates, key: after.key }),
    own.update({ managers: [] }),
  ]);
  const expected = { ...after, managers: [] };
  assert.deepEqual(own.current, expected);
  assert.deepEqual(await store.read(), expected);
  assert.deepEqual(own.credentials.current, credentialsOf(expected));
});

test('an identity that cannot be written is not used, and the next one can be', async (t) => {
  const { file, store } = place(t);
  const [before, after] = [anIdentity(), anIdentity()];
  const own = new OwnIdentity(store, before, new CredentialsSource(credentialsOf(before)));
  mkdirSync(`${file}.new`, { recursive: true });
  await assert.rejects(own.update(after), /EISDIR/);
  assert.deepEqual(own.current, before);
  rmSync(`${file}.new`, { recursive: true });
  await own.update(after);
  assert.deepEqual(await store.read(), after);
});

test('what OpenSSL does not take is neither written nor used', async (t) => {
  const { store } = place(t);
  const before = anIdentity();
  await store.write(before);
  const own = new OwnIdentity(store, before, new CredentialsSource(credentialsOf(before)));
  for (const change of [
    { certificates: ['none'] },
    { key: exportKey(generateKey()) },
    { key: Buffer.of(1) },
  ]) {
    await assert.rejects(own.update(change), { code: 'pki.certificate-invalid' });
  }
  assert.deepEqual([await store.read(), own.current], [before, before]);
  assert.deepEqual(own.credentials.current, credentialsOf(before));
});

test('an identity whose key is sealed is read with its unlock key alone, and shows nothing of it', async (t) => {
  const { file, store } = place(t);
  const identity = anIdentity();
  const [before, after] = [newUnlockKey(), newUnlockKey()];
  store.keepKeyAs(before);
  await store.write(identity);
  assert.deepEqual(await store.read(before), identity);
  for (const wrong of [undefined, after]) {
    await assert.rejects(store.read(wrong), { code: 'store.locked' });
  }
  assert.ok(!readFileSync(file, 'utf8').includes(identity.key.toString('base64').slice(40, 80)));
  store.keepKeyAs(before, after);
  await store.write(identity);
  for (const either of [before, after]) {
    assert.deepEqual(await store.read(either), identity);
  }
  store.keepKeyAs('clear', after);
  await store.write(identity);
  for (const any of [undefined, after]) {
    assert.deepEqual(await store.read(any), identity);
  }
});

test('the key of a worker is in the clear: nobody tells it when the unlock key changes', async (t) => {
  const { store } = place(t);
  const unlockKey = newUnlockKey();
  store.keepKeyAs(unlockKey);
  const worker = { ...anIdentity(), role: 'worker' } as const;
  await store.write(worker);
  await assert.rejects(store.read(), { detail: /belongs to another node or key/ });
});
