// SPDX-License-Identifier: Apache-2.0
// What strangers get from a manager for a token, and what for none.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { createServer } from 'node:net';
import { beforeEach, describe, test, type TestContext } from 'node:test';
import { nextAuthority } from '../../../src/cluster/certificates.ts';
import { JoinService } from '../../../src/cluster/join-service.ts';
import { verifiedIdentity } from '../../../src/cluster/join.ts';
import { LocalAdmin, type LocalAdminOptions } from '../../../src/cluster/local-admin.ts';
import { BODY, decodeBody, type IssuedIdentity, type JoinRequest } from '../../../src/cluster/rpc-body.ts';
import type { LogFields, Logger } from '../../../src/common/index.ts';
import { encodeObject } from '../../../src/membership/index.ts';
import {
  createAuthority,
  createCertificateRequest,
  generateKey,
  parseJoinToken,
} from '../../../src/pki/index.ts';
import type { CallContext, TlsCredentials } from '../../../src/transport/index.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import { fakeManager } from './fake-manager.ts';
import {
  authorityOf,
  CLUSTER_ID,
  contextOf,
  establishedStore,
  joinBody,
  putToken,
  refusal,
  SECRET,
} from './service-harness.ts';
import type { KeyObject } from 'node:crypto';

const HOUR_MS = 3_600_000;

describe('the service for those who join', () => {
  let now_ms: number;
  let store: MemoryStore;
  let service: JoinService;
  let lines: string[];

  beforeEach(async () => {
    now_ms = Date.now();
    lines = [];
    store = await establishedStore(now_ms);
    await putToken(store);
    const record = (sentence: string, fields: LogFields = {}): void =>
      void lines.push(JSON.stringify([sentence, fields]));
    const logger: Logger = { debug: record, info: record, warn: record, error: record };
    service = new JoinService({ clusterId: CLUSTER_ID, store: () => store, now_ms: () => now_ms, logger });
  });

  async function call(method: string, body: Buffer, context: CallContext = contextOf()): Promise<Buffer> {
    const answer = service.methods[method];
    assert.ok(answer !== undefined, method);
    return answer(body, context);
  }

  async function join(key: KeyObject, change: Partial<JoinRequest> = {}): Promise<IssuedIdentity> {
    // From an address of its own, for each is bounded by itself.
    now_ms += 60_000;
    return decodeBody(BODY.identity, await call('join', joinBody(key, change)));
  }

  const nodeCount = (): number => store.cluster.nodes().length;

  async function notLetIn(joining: Promise<unknown>, code: string, sentence?: RegExp): Promise<void> {
    const before = nodeCount();
    await assert.rejects(joining, refusal(code, sentence));
    assert.equal(nodeCount(), before, 'nothing has changed');
    assert.ok(!lines.join().includes(SECRET.toString('base64')), 'the secret is in no log');
  }

  test('a worker that has a token gets an identity that it can verify', async () => {
    const key = generateKey();
    const issued = await join(key);
    const identity = verifiedIdentity(issued, key, [authorityOf(store).certificate], now_ms);
    assert.equal(identity.role, 'worker');
    assert.equal(store.cluster.node(identity.nodeId)?.hostname, 'host');
    assert.equal(store.cluster.node(identity.nodeId)?.address, '', 'nobody calls a worker');
    assert.equal(store.cluster.token('tokentok')?.usesLeft, 9);
  });

  describe('a token (A40)', () => {
    test('stands in the state as a hash, from which nobody joins', async () => {
      const replica = {} as LocalAdminOptions['replica'];
      const isReachable = (): undefined => undefined;
      const admin = new LocalAdmin({ replica, store, isReachable, now_ms: () => now_ms });
      const { tokenId, secret } = parseJoinToken((await admin.createToken({ role: 'worker' })).token);
      const stored = store.cluster.tokens().find(({ id }) => id === tokenId);
      assert.ok(stored !== undefined);
      const bytes = encodeObject(stored);
      assert.ok(bytes.includes(tokenId));
      for (const form of [secret, secret.toString('base64'), secret.toString('hex')]) {
        assert.ok(!bytes.includes(form));
      }
      const { secretHash } = stored;
      await notLetIn(
        join(generateKey(), { tokenId, secret: secretHash.toString('base64') }),
        'cluster.token-invalid',
      );
      assert.ok((await join(generateKey(), { tokenId, secret: secret.toString('base64') })).nodeId !== '');
    });

    test('is needed', async () => {
      await notLetIn(join(generateKey(), { tokenId: '', secret: '' }), 'cluster.token-invalid');
      await notLetIn(call('join', Buffer.from('{}')), 'request.invalid');
      await notLetIn(call('join', Buffer.alloc(0), contextOf('other')), 'request.invalid');
    });

    test('of another id, another secret, or none of its secret, is refused as one that nobody knows', async () => {
      const wrong = [
        { tokenId: 'otherone' },
        { secret: Buffer.from('sixteen letters?').toString('base64') },
        { secret: SECRET.subarray(0, 15).toString('base64') },
        { secret: '' },
      ];
      for (const change of wrong) {
        await notLetIn(join(generateKey(), change), 'cluster.token-invalid', /does not know this join token/);
      }
    });

    test('of a worker makes no manager, and one of a manager no worker', async () => {
      await putToken(store, { id: 'managers', role: 'manager' });
      await notLetIn(join(generateKey(), { role: 'manager' }), 'cluster.token-invalid');
      await notLetIn(join(generateKey(), { tokenId: 'managers' }), 'cluster.token-invalid');
    });

    test('is refused once it has expired, and once it is used up', async () => {
      await putToken(store, { id: 'expiring', expiresAt_ms: now_ms + HOUR_MS });
      await join(generateKey(), { tokenId: 'expiring' });
      now_ms += HOUR_MS;
      await notLetIn(join(generateKey(), { tokenId: 'expiring' }), 'cluster.token-expired', /has expired/);
      await putToken(store, { id: 'twotimes', usesLeft: 2 });
      await join(generateKey(), { tokenId: 'twotimes' });
      await join(generateKey(), { tokenId: 'twotimes' });
      await notLetIn(join(generateKey(), { tokenId: 'twotimes' }), 'cluster.token-expired', /used as often/);
    });

    test('is refused after it was revoked, or another took its place, or the CA was rotated', async () => {
      await putToken(store, { id: 'replaced' });
      await putToken(store, { id: 'the-next', revokeOthers: true });
      await notLetIn(join(generateKey(), { tokenId: 'replaced' }), 'cluster.token-invalid');
      await notLetIn(join(generateKey()), 'cluster.token-invalid');
      await putToken(store);
      await store.propose({ kind: 'revoke-token', id: 'tokentok' });
      await notLetIn(join(generateKey()), 'cluster.token-invalid');
      await rotate();
      await store.propose({ kind: 'finish-rotation', certificate: authorityOf(store).certificate });
      await notLetIn(join(generateKey(), { tokenId: 'the-next' }), 'cluster.token-invalid');
    });
  });

  async function rotate(): Promise<void> {
    const authority = nextAuthority(authorityOf(store), CLUSTER_ID, now_ms);
    await store.propose({ kind: 'begin-rotation', authority });
  }

  describe('a request', () => {
    test('counts by its key alone: what else it asks for is not granted (A39)', async () => {
      const names = '/O=evil/OU=coffer-manager/CN=evil';
      const options = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/stderr';
      const extensions = ['subjectAltName=DNS:coffer-manager,DNS:evil', 'basicConstraints=critical,CA:TRUE'];
      const added = extensions.flatMap((extension) => ['-addext', extension]);
      const args = ['req', ...options.split(' '), '-subj', names, ...added];
      const request = execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString();
      const { certificates, nodeId } = await join(generateKey(), { request });
      const x509 = new X509Certificate(certificates[0] ?? '');
      assert.equal(x509.ca, false);
      assert.equal(x509.subject, `O=${CLUSTER_ID}\nOU=coffer-worker\nCN=${nodeId}`);
      assert.equal(x509.subjectAltName, `DNS:${nodeId}`);
    });

    test('that is none, or is not signed by its key, is refused', async () => {
      await notLetIn(join(generateKey(), { request: 'x' }), 'pki.csr-invalid');
      const request = createCertificateRequest(generateKey());
      const der = Buffer.from(request.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
      der.writeUInt8(der.readUInt8(der.length - 1) ^ 1, der.length - 1);
      const label = 'CERTIFICATE REQUEST-----';
      const forged = `-----BEGIN ${label}\n${der.toString('base64')}\n-----END ${label}\n`;
      await notLetIn(join(generateKey(), { request: forged }), 'pki.csr-invalid', /not signed by its own/);
    });

    test('of a key that has joined is answered as before: the answer was lost', async () => {
      await putToken(store, { usesLeft: 1 });
      const key = generateKey();
      const first = await join(key);
      assert.deepEqual(await join(key), first, 'though the token is used up');
      assert.equal(nodeCount(), 2);
      await notLetIn(join(key, { secret: '' }), 'cluster.token-invalid');
    });

    test('of a key that has joined is answered while the CA is rotated, so that those of either root can verify it', async () => {
      const key = generateKey();
      const old = authorityOf(store).certificate;
      const { nodeId } = await join(key);
      await rotate();
      const identity = verifiedIdentity(await join(key), key, [old], now_ms);
      assert.equal(identity.nodeId, nodeId);
      const other = generateKey();
      const { certificate } = authorityOf(store);
      const issued = await join(other);
      for (const root of [old, certificate]) {
        assert.equal(verifiedIdentity(issued, other, [root], now_ms).nodeId, issued.nodeId);
      }
    });

    test('of a node that was removed makes another node of it, if it has a token', async () => {
      const key = generateKey();
      const { nodeId } = await join(key);
      await store.propose({ kind: 'remove-node', nodeId, at_ms: now_ms });
      const again = await join(key);
      assert.notEqual(again.nodeId, nodeId);
      assert.ok(store.cluster.revocation(nodeId) !== undefined);
    });
  });

  describe('a manager that joins is called back first (A24)', () => {
    beforeEach(() => putToken(store, { id: 'managers', role: 'manager' }));
    const wish = { tokenId: 'managers', role: 'manager' } as const;

    async function answering(t: TestContext, key: KeyObject): Promise<string> {
      const { certificate } = createAuthority({ clusterId: CLUSTER_ID, now_ms: Date.now(), key });
      const pem = key.export({ type: 'pkcs8', format: 'pem' });
      const credentials: TlsCredentials = { certificate, key: pem, roots: [] };
      return (await fakeManager(t, credentials, { echo: async (body) => body })).address;
    }

    test('and let in where it answers', async (t) => {
      const key = generateKey();
      const address = await answering(t, key);
      const { nodeId, raftId, role } = await join(key, { ...wish, address });
      assert.equal(role, 'manager');
      assert.equal(store.cluster.node(nodeId)?.address, address);
      assert.ok(raftId > 0 && store.cluster.nodeByRaftId(raftId)?.id === nodeId);
    });

    test('and refused where another answers, or nobody, or who knows nothing of coffer', async (t) => {
      const other = await answering(t, generateKey());
      await notLetIn(
        join(generateKey(), { ...wish, address: other }),
        'cluster.address-unreachable',
        /another node answers there/,
      );
      await notLetIn(
        join(generateKey(), { ...wish, address: '127.0.0.1:1' }),
        'cluster.address-unreachable',
        /cannot reach the new node at 127\.0\.0\.1:1 \(it calls from 10\.0\.0\.9\): .*nobody listens there/,
      );
      const web = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
      t.after(() => web.close());
      await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
      const { port } = web.address() as { readonly port: number };
      await notLetIn(
        join(generateKey(), { ...wish, address: `127.0.0.1:${port}` }),
        'cluster.address-unreachable',
        /cannot reach the new node/,
      );
    });

    test('and refused with an address that is none', async () => {
      for (const address of ['', 'host', 'host:0', 'host:99999', '[::1', 'a b:1', ':7373']) {
        await notLetIn(
          join(generateKey(), { ...wish, address }),
          'cluster.address-unreachable',
          /not an address/,
        );
      }
    });
  });

  test('attempts from one address are bounded, whether they succeed or not, and others are not held up (A49)', async () => {
    const attempt = (address: string): Promise<unknown> =>
      call('join', joinBody(generateKey(), { secret: '' }), contextOf(address));
    for (let count = 0; count < 10; count += 1) {
      await notLetIn(attempt('10.0.0.1'), 'cluster.token-invalid');
    }
    await notLetIn(attempt('10.0.0.1'), 'cluster.rate-limited', /too many attempts to join/);
    await notLetIn(attempt('10.0.0.2'), 'cluster.token-invalid');
    now_ms += 2_000;
    await notLetIn(attempt('10.0.0.1'), 'cluster.token-invalid');
    await notLetIn(attempt('10.0.0.1'), 'cluster.rate-limited');
  });

  test('anybody may ask for the roots, and gets nothing else', async () => {
    const reply = await call('authority', Buffer.from('{}'));
    assert.deepEqual(JSON.parse(reply.toString()), { roots: [authorityOf(store).certificate] });
    await rotate();
    const { roots } = decodeBody(BODY.authority, await call('authority', Buffer.from('{}')));
    assert.equal(roots[0], authorityOf(store).certificate);
    assert.equal(roots.length, 2);
  });
});
