// SPDX-License-Identifier: Apache-2.0
// Who is let in, on both sides of a connection.
import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import { CofferError, silentLogger } from '../../../src/common/index.ts';
import {
  callOnce,
  CredentialsSource,
  FRAME,
  MessageLink,
  RpcClient,
  sendStream,
  type TlsCredentials,
} from '../../../src/transport/index.ts';
import { encodeRequest } from '../../../src/transport/rpc-frames.ts';
import { TestAuthority } from '../../support/test-certificates.ts';
import {
  authority,
  CLUSTER,
  EXPECT_M1,
  leafOf,
  listen,
  managersOnly,
  noCalls,
  protocolsOfAllKinds,
  RawPeer,
  removeAuthority,
} from './transport-harness.ts';

interface Intruder {
  readonly who: string;
  readonly credentials: () => TlsCredentials | undefined;
  readonly refusal: RegExp;
}

const foreign = new TestAuthority(CLUSTER);

const INTRUDERS: readonly Intruder[] = [
  {
    who: 'no certificate',
    credentials: () => undefined,
    refusal: /transport\.refused.*shows no certificate/,
  },
  {
    who: 'a self-signed certificate',
    credentials: () => authority().selfSigned('m2'),
    refusal: /pki\.certificate-invalid.*SELF_SIGNED/,
  },
  {
    who: 'a certificate of a foreign CA with the right names',
    credentials: () => foreign.leaf('m2'),
    refusal: /pki\.certificate-invalid.*not valid here/,
  },
  {
    who: 'a certificate of another cluster',
    credentials: () => authority().leaf('m2', { clusterId: 'cluster-2' }),
    refusal: /pki\.certificate-invalid.*cluster-2/,
  },
  {
    who: 'a worker where managers talk',
    credentials: () => leafOf('w1', 'coffer-worker'),
    refusal: /cluster\.role.*w1 is a worker/,
  },
  {
    who: 'a certificate without a role',
    credentials: () => leafOf('x1', 'accounting'),
    refusal: /pki\.certificate-invalid.*no role/,
  },
  {
    who: 'an expired certificate',
    credentials: () => authority().leaf('m2', { notBefore_days: -3, notAfter_days: -1 }),
    refusal: /pki\.certificate-invalid.*CERT_HAS_EXPIRED/,
  },
  {
    who: 'a certificate that is not valid yet',
    credentials: () => authority().leaf('m2', { notBefore_days: 1, notAfter_days: 2 }),
    refusal: /pki\.certificate-invalid.*CERT_NOT_YET_VALID/,
  },
  {
    who: 'a node that was removed',
    credentials: () => leafOf('m9'),
    refusal: /cluster\.node-removed.*m9 was removed/,
  },
];

function authorize(peer: Parameters<typeof managersOnly>[0]): CofferError | undefined {
  return peer.nodeId === 'm9'
    ? new CofferError('cluster.node-removed', 'm9 was removed', { hint: 'Let it join anew.' })
    : managersOnly(peer);
}

/** The first frame of each protocol, which an honest client would send only once it is accepted. */
const FIRST_FRAMES = [
  ['raft/1', FRAME.data, Buffer.from('x')],
  ['rpc/1', FRAME.request, encodeRequest(1, 'echo', Buffer.from('x'))],
  ['stream/1', FRAME.header, Buffer.from('x')],
] as const;

function frame(type: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(payload.length + 1);
  header[4] = type;
  return Buffer.concat([header, payload]);
}

// The CA must be there before the first table asks for a leaf of it.
before(() => void authority());
after(() => {
  foreign.remove();
  removeAuthority();
});

function shown(credentials: TlsCredentials | undefined): { cert?: string; key?: string | Buffer } {
  return credentials === undefined ? {} : { cert: credentials.certificate, key: credentials.key };
}

for (const { credentials, refusal, who } of INTRUDERS) {
  for (const [protocol, type, payload] of FIRST_FRAMES) {
    test(`${who} is refused with a reason on ${protocol}, and no handler is called`, async (t) => {
      const calls = noCalls();
      const { listener, port } = await listen(t, protocolsOfAllKinds(calls), { authorize });
      const peer = new RawPeer(t, port, protocol, shown(credentials()));
      peer.socket.once('secureConnect', () => peer.socket.write(frame(type, payload)));
      await peer.over();
      assert.match(peer.refusal ?? '', refusal);
      assert.equal(peer.frames.length, 1, 'nothing but the refusal');
      assert.deepEqual(calls, noCalls());
      assert.deepEqual(listener.connections, []);
      assert.equal(
        Object.values(listener.refusals).reduce((sum, count) => sum + count, 0),
        1,
      );
    });
  }

  test(`${who} may call what is for strangers, and has no identity there that OpenSSL does not believe`, async (t) => {
    const calls = noCalls();
    const { port } = await listen(t, protocolsOfAllKinds(calls), { authorize });
    const peer = await new RawPeer(t, port, 'join/1', shown(credentials())).accepted();
    peer.socket.end(frame(FRAME.request, encodeRequest(1, 'echo', Buffer.from('x'))));
    await peer.over();
    const isBelieved = refusal.source.startsWith('cluster') || refusal.source.includes('cluster-2');
    assert.equal(calls.calls.length, 1);
    assert.equal(calls.calls[0]?.from !== undefined, isBelieved);
  });
}

test('a peer that is refused gets the reason in its own words: link, call and stream', async (t) => {
  const { address } = await listen(t, protocolsOfAllKinds(noCalls()), { authorize });
  const credentials = new CredentialsSource(leafOf('m9'));
  const expected = { code: 'cluster.node-removed', detail: 'm9 was removed', hint: 'Let it join anew.' };
  for (const attempt of attempts(t, address, credentials)) {
    await assert.rejects(attempt(), expected);
  }
});

/** A link, a call and a stream; each rejects with why it could not be had. */
function attempts(
  t: TestContext,
  address: string,
  credentials: CredentialsSource,
): readonly (() => Promise<unknown>)[] {
  const verification = { kind: 'member', expect: EXPECT_M1 } as const;
  return [
    () =>
      new Promise((resolve, reject) => {
        const link = new MessageLink({
          address: () => address,
          protocol: 'raft/1',
          credentials,
          expect: EXPECT_M1,
          logger: silentLogger,
          random: () => 0,
          onUp: () => resolve('up'),
          onDown: reject,
        });
        t.after(() => link.close());
      }),
    async () => {
      const client = new RpcClient({ address: () => address, protocol: 'rpc/1', credentials, verification });
      try {
        await client.call('echo', Buffer.from('x'));
      } finally {
        client.close();
      }
    },
    () =>
      sendStream({
        address,
        protocol: 'stream/1',
        credentials,
        expect: EXPECT_M1,
        header: Buffer.alloc(0),
        chunks: noChunks(),
      }),
  ];
}

async function* noChunks(): AsyncGenerator<Buffer> {
  // A stream of nothing.
}

const IMPOSTORS: readonly (readonly [string, () => TlsCredentials, RegExp])[] = [
  ['another node', () => leafOf('m3'), /pki\.certificate-invalid.*node m3 answers where node m1 should/],
  ['a worker of the expected name', () => leafOf('m1', 'coffer-worker'), /cluster\.role.*m1 is a worker/],
  [
    'the expected name of another cluster',
    () => authority().leaf('m1', { clusterId: 'cluster-2' }),
    /pki\.certificate-invalid.*cluster-2/,
  ],
  ['the right names from a foreign CA', () => foreign.leaf('m1'), /pki\.certificate-invalid/],
  ['a self-signed server', () => authority().selfSigned('m1'), /pki\.certificate-invalid.*SELF_SIGNED/],
  [
    'a server whose certificate has expired',
    () => authority().leaf('m1', { notBefore_days: -3, notAfter_days: -1 }),
    /pki\.certificate-invalid.*CERT_HAS_EXPIRED/,
  ],
];

for (const [who, credentials, refusal] of IMPOSTORS) {
  test(`${who} is sent nothing: link, call and stream tell why`, async (t) => {
    const calls = noCalls();
    const server = await listen(t, protocolsOfAllKinds(calls), {
      credentials: new CredentialsSource(credentials()),
      authorize: () => undefined,
    });
    for (const attempt of attempts(t, server.address, new CredentialsSource(leafOf('m2')))) {
      await assert.rejects(attempt(), refusal);
    }
    assert.deepEqual(calls, noCalls());
  });
}

test('a node without a certificate calls a manager by the roots that it was given, and nobody else', async (t) => {
  const { address } = await listen(t, protocolsOfAllKinds(noCalls()));
  const call = (roots: readonly string[], to = address): Promise<unknown> =>
    callOnce({
      address: to,
      protocol: 'join/1',
      credentials: undefined,
      verification: { kind: 'roots', roots },
      method: 'echo',
      body: Buffer.from('x'),
      timeout_ms: 10_000,
    });
  await call([authority().certificate]);
  await assert.rejects(call([foreign.certificate]), /pki\.certificate-invalid/);
  await assert.rejects(
    call([]),
    /pki\.certificate-invalid/,
    'no root: nobody, and not those that Node brings',
  );
  const worker = await listen(t, protocolsOfAllKinds(noCalls()), {
    credentials: new CredentialsSource(leafOf('w1', 'coffer-worker')),
  });
  await assert.rejects(call([authority().certificate], worker.address), /cluster\.role.*w1 is a worker/);
});

test('a joiner that verifies nothing learns what the server has shown, to compare it itself', async (t) => {
  const { address } = await listen(t, protocolsOfAllKinds(noCalls()));
  const { reply, server } = await callOnce({
    address,
    protocol: 'join/1',
    credentials: undefined,
    verification: { kind: 'none' },
    method: 'echo',
    body: Buffer.from('x'),
    timeout_ms: 10_000,
  });
  assert.equal(reply.toString(), 'x');
  const base64 = leafOf('m1').certificate.replaceAll(/-----[A-Z ]+-----|\s/g, '');
  assert.equal(server.chain[0]?.toString('base64'), base64);
  assert.match(server.publicKeyFingerprint, /^[0-9a-f]{64}$/);
});

test('a node that has joined nothing yet serves strangers under its own certificate, and no member', async (t) => {
  const calls = noCalls();
  const { address, port } = await listen(t, protocolsOfAllKinds(calls), {
    credentials: new CredentialsSource(authority().selfSigned('m1')),
  });
  const options = { address, protocol: 'join/1', credentials: undefined, timeout_ms: 10_000 };
  const verification = { kind: 'none' } as const;
  await callOnce({ ...options, verification, method: 'echo', body: Buffer.from('x') });
  const member = await RawPeer.member(t, port, 'raft/1').over();
  assert.match(member.refusal ?? '', /pki\.certificate-invalid/);
});

test('an authorization that fails has refused', async (t) => {
  const { port } = await listen(t, protocolsOfAllKinds(noCalls()), {
    authorize: () => {
      throw new Error('the table of nodes is not there');
    },
  });
  const peer = await RawPeer.member(t, port, 'raft/1').over();
  assert.match(peer.refusal ?? '', /internal\.unexpected/);
});

test('credentials that OpenSSL does not take are refused without a word of the key, and the old ones stay', () => {
  const source = new CredentialsSource(leafOf('m1'));
  for (const bad of [
    { ...leafOf('m1'), key: leafOf('m2').key },
    { ...leafOf('m1'), certificate: 'no certificate' },
    { ...leafOf('m1'), key: 'no key' },
  ]) {
    assert.throws(
      () => source.replace(bad),
      (error: unknown) =>
        error instanceof CofferError && error.code === 'pki.certificate-invalid' && error.cause === undefined,
    );
  }
  assert.equal(source.current, leafOf('m1'));
});
