// SPDX-License-Identifier: Apache-2.0
// The certificates where they are for: mutual TLS 1.3 between two nodes, judged by OpenSSL.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import * as tls from 'node:tls';
import {
  createAuthority,
  crossSign,
  describeCertificate,
  MANAGER_SERVER_NAME,
} from '../../../src/pki/index.ts';
import {
  CLUSTER_ID,
  currentAuthority,
  DAY_MS,
  type Issued,
  issueTo,
  MANAGER,
  WORKER,
} from './pki-harness.ts';

interface Peer {
  readonly identity: Issued;
  /** What is sent behind the own certificate. */
  readonly chain?: readonly string[];
  readonly trusts: readonly string[];
}

function optionsOf({
  identity,
  chain = [],
  trusts,
}: Peer): tls.CommonConnectionOptions & tls.SecureContextOptions {
  return {
    cert: [identity.certificate, ...chain].join(''),
    key: identity.key.export({ format: 'pem', type: 'pkcs8' }),
    ca: [...trusts],
    minVersion: 'TLSv1.3',
    rejectUnauthorized: true,
  };
}

interface Handshake {
  /** Whom the server and the client met, each by the other's certificate. */
  readonly client: string;
  readonly server: string;
}

/**
 * A handshake, and a byte from the server: in TLS 1.3 the client is content before the server has judged it. Rejects with
 * what the client refuses, or with `refused by the server`.
 */
async function shakeHands(t: TestContext, server: Peer, client: Peer): Promise<Handshake> {
  let clientIsFor = '';
  const listener = tls.createServer({ ...optionsOf(server), requestCert: true }, (socket) => {
    socket.on('error', () => undefined);
    clientIsFor = nodeIdOf(socket);
    socket.end('1');
  });
  t.after(() => listener.close());
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const options = { ...optionsOf(client), host: '127.0.0.1', port, servername: MANAGER_SERVER_NAME };
  const socket = tls.connect(options);
  t.after(() => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('data', () => resolve());
    socket.once('close', () => reject(new Error('refused by the server')));
  });
  assert.equal(socket.getProtocol(), 'TLSv1.3');
  return { client: clientIsFor, server: nodeIdOf(socket) };
}

function nodeIdOf(socket: tls.TLSSocket): string {
  const certificate = socket.getPeerX509Certificate();
  assert.ok(certificate !== undefined);
  return describeCertificate(certificate.toString()).subject.nodeId;
}

describe('mutual TLS 1.3', () => {
  const [old, next, foreign] = [currentAuthority(), currentAuthority(), currentAuthority()];
  const cross = crossSign({ by: old, subject: next, now_ms: Date.now() });
  const manager = { identity: issueTo(old, MANAGER), trusts: [old.certificate] };
  const worker = { identity: issueTo(old, WORKER), trusts: [old.certificate] };
  const both = { client: WORKER.nodeId, server: MANAGER.nodeId };

  test('holds between a manager and a worker', async (t) => {
    assert.deepEqual(await shakeHands(t, manager, worker), both);
  });

  test('holds while the root is being replaced, whichever of the two a peer trusts', async (t) => {
    const newManager = { identity: issueTo(next, MANAGER), chain: [cross] };
    const newWorker = { identity: issueTo(next, WORKER), chain: [cross] };
    for (const trusts of [[old.certificate], [next.certificate], [old.certificate, next.certificate]]) {
      const met = await shakeHands(t, { ...newManager, trusts }, { ...newWorker, trusts });
      assert.deepEqual(met, both);
    }
    const trustsBoth = [old.certificate, next.certificate];
    assert.deepEqual(await shakeHands(t, { ...newManager, trusts: trustsBoth }, worker), both);
    assert.deepEqual(await shakeHands(t, manager, { ...newWorker, trusts: trustsBoth }), both);
    assert.deepEqual(await shakeHands(t, manager, { ...newWorker, trusts: [old.certificate] }), both);
  });

  test('does not hold with a manager of the new root that leaves the cross-signed root out', async (t) => {
    const identity = issueTo(next, MANAGER);
    await assert.rejects(shakeHands(t, { identity, trusts: [old.certificate] }, worker), {
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    });
  });

  test('does not hold with a worker in the place of a manager: OpenSSL refuses it as a server', async (t) => {
    await assert.rejects(shakeHands(t, { ...manager, identity: issueTo(old, WORKER) }, worker), {
      code: 'INVALID_PURPOSE',
    });
  });

  test('does not hold with nodes of a foreign root, on either side', async (t) => {
    const impostor = { identity: issueTo(foreign, MANAGER), trusts: [old.certificate] };
    await assert.rejects(shakeHands(t, impostor, worker), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
    await assert.rejects(shakeHands(t, manager, { ...worker, identity: issueTo(foreign, WORKER) }), {
      message: /refused by the server|ECONNRESET/,
    });
  });

  test('does not hold with a certificate that has expired, on either side', async (t) => {
    const year_ago_ms = Date.now() - 365 * DAY_MS;
    const root = createAuthority({ clusterId: CLUSTER_ID, now_ms: year_ago_ms });
    const trusts = [root.certificate];
    const [good, expired] = [Date.now(), year_ago_ms].map((now_ms) => ({
      manager: { identity: issueTo(root, MANAGER, now_ms), trusts },
      worker: { identity: issueTo(root, WORKER, now_ms), trusts },
    }));
    assert.ok(good !== undefined && expired !== undefined);
    assert.deepEqual(await shakeHands(t, good.manager, good.worker), both);
    await assert.rejects(shakeHands(t, expired.manager, good.worker), { code: 'CERT_HAS_EXPIRED' });
    await assert.rejects(shakeHands(t, good.manager, expired.worker), {
      message: /refused by the server|ECONNRESET/,
    });
  });
});
