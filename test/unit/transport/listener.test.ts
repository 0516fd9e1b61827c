// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { after, test, type TestContext } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { CofferError, silentLogger } from '../../../src/common/index.ts';
import { CredentialsSource, FRAME, rpcHandler } from '../../../src/transport/index.ts';
import { encodeRequest } from '../../../src/transport/rpc-frames.ts';
import { StillClock } from '../../support/still-clock.ts';
import { TestAuthority } from '../../support/test-certificates.ts';
import { waitFor } from '../../support/wait-for.ts';
import {
  authority,
  leafOf,
  listen,
  noCalls,
  openClient,
  openLink,
  protocolsOfAllKinds,
  RawPeer,
  recordingLogger,
  removeAuthority,
} from './transport-harness.ts';

after(removeAuthority);

function until(condition: () => boolean, what: string): Promise<unknown> {
  return waitFor(condition, { what, interval_ms: 5 });
}

function frame(type: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(payload.length + 1);
  header[4] = type;
  return Buffer.concat([header, payload]);
}

async function assertTls12IsRefused(t: TestContext, port: number): Promise<void> {
  const peer = await new RawPeer(t, port, 'join/1', { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }).over();
  assert.match(peer.error?.message ?? '', /protocol version/i);
  assert.deepEqual(peer.frames, []);
}

test('TLS 1.2 is refused, also after the certificate was renewed', async (t) => {
  const { credentials, listener, port } = await listen(t, protocolsOfAllKinds(noCalls()));
  await assertTls12IsRefused(t, port);
  credentials.replace(authority().leaf('m1'));
  await assertTls12IsRefused(t, port);
  assert.equal(listener.refusals['handshake'], 2);
});

test('a protocol that is not served, or none at all, is refused', async (t) => {
  const { port } = await listen(t, protocolsOfAllKinds(noCalls()));
  const unknown = await RawPeer.member(t, port, 'raft/99').over();
  assert.match(unknown.error?.message ?? '', /no application protocol/i);
  const { certificate, key } = leafOf('m2');
  const none = await new RawPeer(t, port, '', {
    cert: certificate,
    key,
    ALPNProtocols: [],
  }).over();
  assert.match(none.refusal ?? '', /transport\.refused.*names no protocol/);
});

test('no session is resumed: a removed node would come in by a ticket from before', async (t) => {
  const { port } = await listen(t, protocolsOfAllKinds(noCalls()));
  const first = RawPeer.member(t, port, 'raft/1');
  const [session] = (await once(first.socket, 'session')) as [Buffer];
  await first.accepted();
  const { certificate, key } = leafOf('m2');
  const second = new RawPeer(t, port, 'raft/1', { cert: certificate, key, session });
  await second.accepted();
  assert.equal(second.socket.isSessionReused(), false);
});

test('renewal: no call and no message is lost, and new connections show the new certificates', async (t) => {
  const calls = noCalls();
  const server = await listen(t, protocolsOfAllKinds(calls));
  const own = new CredentialsSource(leafOf('m2'));
  let downs = 0;
  const link = openLink(t, server.address, { credentials: own, onDown: () => (downs += 1) });
  const client = openClient(t, server.address, { credentials: own });
  await until(() => link.isUp, 'the link to be up');
  const before = server.listener.connections.map(({ peer }) => peer?.publicKeyFingerprint);
  let replies = 0;
  for (let round = 0; round < 60; round += 1) {
    if (round === 20) {
      server.credentials.replace(authority().leaf('m1'));
    }
    if (round === 40) {
      own.replace(authority().leaf('m2'));
    }
    assert.ok(link.send(Buffer.from(`${round}`)));
    replies += (await client.call('echo', Buffer.from(`${round}`))).length > 0 ? 1 : 0;
  }
  await until(() => calls.messages.length === 60, 'all messages');
  assert.deepEqual(
    calls.messages.map(({ payload }) => payload.toString()),
    Array.from({ length: 60 }, (_, round) => `${round}`),
  );
  assert.deepEqual([replies, downs], [60, 0]);
  const later = openClient(t, server.address, { credentials: own });
  await later.call('echo', Buffer.from('x'));
  const shown = server.listener.connections.at(-1)?.peer?.publicKeyFingerprint;
  assert.ok(shown !== undefined && !before.includes(shown), 'the client shows its new key');
  assert.notEqual(
    later.serverCertificates[0]?.fingerprint256,
    client.serverCertificates[0]?.fingerprint256,
    'the server shows its new certificate',
  );
});

test('a root that is added lets in those whom it vouches for, and one that is taken away no more', async (t) => {
  const { credentials, port } = await listen(t, protocolsOfAllKinds(noCalls()));
  const next = new TestAuthority();
  t.after(() => next.remove());
  const leaf = next.leaf('m2');
  const refused = await RawPeer.member(t, port, 'raft/1', leaf).over();
  assert.match(refused.refusal ?? '', /pki\.certificate-invalid/);
  const own = leafOf('m1');
  credentials.replace({ ...own, roots: [...own.roots, next.certificate] });
  await RawPeer.member(t, port, 'raft/1', leaf).accepted();
  await RawPeer.member(t, port, 'raft/1').accepted();
  credentials.replace({ ...own, roots: [next.certificate] });
  await RawPeer.member(t, port, 'raft/1', leaf).accepted();
  assert.match((await RawPeer.member(t, port, 'raft/1').over()).refusal ?? '', /pki\.certificate-invalid/);
});

test('cut() ends the open connections of a peer at once, and those of others go on', async (t) => {
  const { address, listener } = await listen(t, protocolsOfAllKinds(noCalls()));
  const reasons: CofferError[] = [];
  const link = openLink(t, address, { onDown: (reason) => reasons.push(reason) });
  const client = openClient(t, address);
  const other = openClient(t, address, { credentials: new CredentialsSource(leafOf('m3')) });
  await client.call('echo', Buffer.from('x'));
  await other.call('echo', Buffer.from('x'));
  await until(() => link.isUp, 'the link to be up');
  assert.equal(
    listener.cut(({ nodeId }) => nodeId === 'm2'),
    2,
  );
  await until(() => reasons.length > 0 && !client.isConnected, 'both to be cut');
  assert.ok(other.isConnected);
  await other.call('echo', Buffer.from('x'));
});

test('a peer with too many connections of a protocol loses its oldest', async (t) => {
  const { listener, port } = await listen(t, protocolsOfAllKinds(noCalls()));
  const peers: RawPeer[] = [];
  for (let count = 0; count < 6; count += 1) {
    peers.push(await RawPeer.member(t, port, 'raft/1').accepted());
  }
  await until(() => peers.filter(({ isOver }) => isOver).length === 2, 'two to be cut');
  assert.deepEqual(
    peers.map(({ isOver }) => isOver),
    [true, true, false, false, false, false],
  );
  assert.equal(listener.connections.length, 4);
});

/** Strangers that connect and then say nothing. */
async function stall(t: TestContext, port: number, count: number, addresses: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, (_, index) => {
    const localAddress = `127.0.0.${2 + (index % addresses)}`;
    return connectTcp({ host: '127.0.0.1', port, localAddress });
  });
  sockets.forEach((socket) => socket.on('error', () => undefined));
  t.after(() => sockets.forEach((socket) => socket.destroy()));
  await until(() => sockets.every(({ connecting }) => !connecting), 'all strangers to be connected');
  return sockets;
}

test('500 strangers that stall hold a bounded number of places, and members still get in', async (t) => {
  const calls = noCalls();
  const { logger, lines } = recordingLogger();
  const { address, listener, port } = await listen(t, protocolsOfAllKinds(calls), { logger });
  await stall(t, port, 500, 50);
  await until(() => listener.handshakes === 128, 'all places to be taken');
  const client = openClient(t, address);
  for (const nodeId of ['m2', 'm3', 'm4']) {
    const link = openLink(t, address, { credentials: new CredentialsSource(leafOf(nodeId)) });
    await until(() => link.isUp, `${nodeId} to get in`);
  }
  assert.equal((await client.call('echo', Buffer.from('x'))).toString(), 'x');
  assert.ok(listener.handshakes <= 128, `${listener.handshakes} are held`);
  const turnedAway = (): number => listener.refusals['too-many-handshakes'] ?? 0;
  await until(() => turnedAway() > 100, 'strangers to be turned away');
  const refused = turnedAway();
  const told = lines.filter((line) => line.includes('too-many-handshakes')).length;
  assert.ok(told > 0 && told < 30, `${told} lines for ${refused} refusals`);
});

test('strangers of one address do not take the places of others', async (t) => {
  const { address, listener, port } = await listen(t, protocolsOfAllKinds(noCalls()));
  await stall(t, port, 100, 1);
  await until(() => listener.handshakes === 16, 'the places of one address to be taken');
  await openClient(t, address).call('echo', Buffer.from('x'));
});

test('a handshake that takes too long is cut', async (t) => {
  const clock = new StillClock();
  const { listener, port } = await listen(t, protocolsOfAllKinds(noCalls()), { clock });
  const [socket] = await stall(t, port, 1, 1);
  await until(() => listener.handshakes === 1, 'the stranger to be seen');
  clock.advance(5_000);
  assert.equal(listener.handshakes, 1);
  clock.advance(501);
  assert.equal(listener.handshakes, 0);
  await until(() => socket?.closed === true, 'the stranger to be cut');
});

test('strangers who are let in are few, from one address fewer, and are told so', async (t) => {
  const limits = { connections: 3, perAddress: 2 };
  const { listener, port } = await listen(t, protocolsOfAllKinds(noCalls()), { limits });
  const from = (localAddress: string): RawPeer => new RawPeer(t, port, 'join/1', { localAddress });
  await from('127.0.0.2').accepted();
  const second = await from('127.0.0.2').accepted();
  const third = await from('127.0.0.2').over();
  assert.match(third.refusal ?? '', /cluster\.rate-limited/);
  await from('127.0.0.3').accepted();
  assert.match((await from('127.0.0.4').over()).refusal ?? '', /cluster\.rate-limited/);
  second.socket.destroy();
  await until(() => listener.connections.length === 2, 'a place to be free');
  await from('127.0.0.4').accepted();
});

test('a stranger who is silent, or dribbles half a frame, is cut after its time', async (t) => {
  const clock = new StillClock();
  const { listener, port } = await listen(t, protocolsOfAllKinds(noCalls()), { clock });
  const silent = await new RawPeer(t, port, 'join/1').accepted();
  const dribbler = await new RawPeer(t, port, 'join/1').accepted();
  const request = frame(FRAME.request, encodeRequest(1, 'echo', Buffer.alloc(100)));
  let step = 0;
  await until(() => {
    dribbler.socket.write(request.subarray(step, step + 1));
    step += 1;
    clock.advance(500);
    return listener.connections.length === 0;
  }, 'both to be cut');
  // By that clock it has a second to read why.
  await dribbler.over();
  assert.match(dribbler.refusal ?? '', /not complete after 15000 ms/);
  await until(() => silent.isOver, 'the silent one to see it');
});

test('a stranger makes a bounded number of requests over one connection, of bounded size', async (t) => {
  const calls = noCalls();
  const { port } = await listen(t, protocolsOfAllKinds(calls));
  const busy = await new RawPeer(t, port, 'join/1').accepted();
  for (let id = 1; id <= 33; id += 1) {
    busy.socket.write(frame(FRAME.request, encodeRequest(id, 'echo', Buffer.from('x'))));
  }
  await busy.over();
  assert.match(busy.refusal ?? '', /cluster\.rate-limited.*32 requests/);
  assert.equal(calls.calls.length, 32);
  const large = await new RawPeer(t, port, 'join/1').accepted();
  large.socket.write(frame(FRAME.request, encodeRequest(1, 'echo', Buffer.alloc(64 * 1024))));
  assert.match((await large.over()).refusal ?? '', /65536 are the most/);
  assert.equal(calls.calls.length, 32);
});

test('a stranger who talks without end gives its place free after a minute, and a member keeps its own', async (t) => {
  const clock = new StillClock();
  const { listener, port } = await listen(t, protocolsOfAllKinds(noCalls()), { clock });
  const member = await RawPeer.member(t, port, 'rpc/1').accepted();
  const talker = await new RawPeer(t, port, 'join/1').accepted();
  const both = [talker, member];
  const talk = async (second: number): Promise<void> => {
    const before = both.map(({ frames }) => frames.length);
    both.forEach(({ socket }) => socket.write(frame(FRAME.ping)));
    await until(
      () => both.every(({ frames }, at) => frames.length > (before[at] ?? 0)),
      `answers in second ${second}`,
    );
  };
  for (let second = 0; second < 60; second += 10) {
    await talk(second);
    assert.equal(listener.connections.length, 2);
    clock.advance(10_000);
  }
  await talk(60);
  clock.advance(500);
  assert.match((await talker.over()).refusal ?? '', /cluster\.rate-limited.*open for 60000 ms/);
  await until(() => listener.connections.length === 1, 'its place to be free');
  assert.equal(member.isOver, false);
});

test('close() ends every connection, and the port is free', async (t) => {
  const { address, listener, port } = await listen(t, protocolsOfAllKinds(noCalls()));
  const link = openLink(t, address);
  await until(() => link.isUp, 'the link to be up');
  await stall(t, port, 5, 1);
  await listener.close();
  link.close();
  const again = await listen(t, protocolsOfAllKinds(noCalls()), { port });
  assert.equal(again.port, port);
});

test('a port that is taken, and a host that is not here, are one sentence', async (t) => {
  const { port } = await listen(t, protocolsOfAllKinds(noCalls()));
  await assert.rejects(listen(t, [], { port }), /settings\.invalid.*cannot listen on 127\.0\.0\.1/);
});

test('a handler that refuses in accept() is a refusal like any other', async (t) => {
  const handler = rpcHandler({ methods: {}, logger: silentLogger });
  const refusing = {
    ...handler,
    accept: (): never => {
      throw new CofferError('cluster.not-a-manager', 'this node is a worker');
    },
  };
  const { listener, port } = await listen(t, [{ name: 'rpc/1', policy: 'member', handler: refusing }]);
  const peer = await RawPeer.member(t, port, 'rpc/1').over();
  assert.equal(peer.frames.length, 1);
  assert.match(peer.refusal ?? '', /cluster\.not-a-manager/);
  assert.deepEqual(listener.refusals, { 'cluster.not-a-manager': 1 });
});

test('connections that are refused and stay are cut, and their places are given back', async (t) => {
  const { listener, port } = await listen(t, protocolsOfAllKinds(noCalls()), {
    authorize: () => new CofferError('cluster.node-removed', 'm2 was removed'),
  });
  const { certificate, key } = leafOf('m2');
  const sockets = Array.from({ length: 10 }, () =>
    connectTls({
      host: '127.0.0.1',
      port,
      cert: certificate,
      key,
      ALPNProtocols: ['raft/1'],
      rejectUnauthorized: false,
      allowHalfOpen: true,
    } as object),
  );
  sockets.forEach((socket) => socket.on('error', () => undefined));
  t.after(() => sockets.forEach((socket) => socket.destroy()));
  await until(() => listener.refusals['cluster.node-removed'] === 10, 'all to be refused');
  await until(() => listener.handshakes === 0, 'all to be gone');
});
