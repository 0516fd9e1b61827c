// SPDX-License-Identifier: Apache-2.0
// What a peer of the cluster sends when it is broken or evil: it is cut, and nobody else notices.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, test, type TestContext } from 'node:test';
import { silentLogger } from '../../../src/common/index.ts';
import { FRAME, rpcHandler, type Protocol } from '../../../src/transport/index.ts';
import { encodeRequest } from '../../../src/transport/rpc-frames.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { StillClock } from '../../support/still-clock.ts';
import { waitFor } from '../../support/wait-for.ts';
import {
  listen,
  noCalls,
  openClient,
  protocolsOfAllKinds,
  RawPeer,
  removeAuthority,
  type TestListener,
} from './transport-harness.ts';

after(removeAuthority);

const PROTOCOLS = ['raft/1', 'rpc/1', 'stream/1', 'join/1'];

async function stillServes(t: TestContext, { address }: TestListener): Promise<void> {
  assert.equal((await openClient(t, address).call('echo', Buffer.from('x'))).toString(), 'x');
}

for (const protocol of PROTOCOLS) {
  test(`every frame type, with random payloads, on ${protocol} leaves the process alive`, async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    const server = await listen(t, protocolsOfAllKinds(noCalls()));
    for (const type of Object.values(FRAME)) {
      const peer = await RawPeer.member(t, server.port, protocol).accepted();
      for (let count = 0; count < 5; count += 1) {
        const payload = random.bytes(random.below(200));
        const header = Buffer.alloc(5);
        header.writeUInt32BE(payload.length + 1);
        header[4] = type;
        peer.socket.write(Buffer.concat([header, payload]));
      }
      peer.socket.end();
      await peer.over();
    }
    await stillServes(t, server);
  });
}

test('bytes that are no TLS are turned away', async (t) => {
  const server = await listen(t, protocolsOfAllKinds(noCalls()));
  for (const bytes of [
    'GET / HTTP/1.1\r\n\r\n',
    '\u0016\u0003\u0001\u0002\u0000nonsense',
    '\0'.repeat(100_000),
  ]) {
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.end(bytes);
    await waitFor(() => socket.closed, { what: 'the connection to be over', interval_ms: 5 });
  }
  await waitFor(() => server.listener.handshakes === 0, { what: 'all to be gone', interval_ms: 5 });
  await stillServes(t, server);
});

test('a member that dribbles a frame without end holds one buffer, and is cut', async (t) => {
  const clock = new StillClock();
  const server = await listen(t, protocolsOfAllKinds(noCalls()), { clock });
  const peer = await RawPeer.member(t, server.port, 'raft/1').accepted();
  peer.socket.write(Buffer.from([0, 0x40, 0, 0, FRAME.data]));
  await waitFor(
    () => {
      peer.socket.write(Buffer.alloc(1));
      clock.advance(500);
      return server.listener.connections.length === 0;
    },
    { what: 'it to be cut', interval_ms: 5 },
  );
  // By that clock it has a second to read why.
  await peer.over();
  assert.match(peer.refusal ?? '', /not complete after 60000 ms/);
});

test('a peer that asks and never reads the replies is cut when too much waits for it', async (t) => {
  const reply = Buffer.alloc(1024 * 1024);
  let calls = 0;
  const protocol: Protocol = {
    name: 'rpc/1',
    policy: 'member',
    handler: rpcHandler({
      logger: silentLogger,
      methods: {
        large: () => {
          calls += 1;
          return Promise.resolve(reply);
        },
      },
    }),
  };
  const { listener, port } = await listen(t, [protocol]);
  const peer = await RawPeer.member(t, port, 'rpc/1').accepted();
  peer.socket.pause();
  let id = 0;
  await waitFor(
    () => {
      id += 1;
      const payload = encodeRequest(id, 'large', Buffer.alloc(0));
      const header = Buffer.alloc(5);
      header.writeUInt32BE(payload.length + 1);
      header[4] = FRAME.request;
      peer.socket.write(Buffer.concat([header, payload]));
      return listener.connections.length === 0;
    },
    { what: 'it to be cut', interval_ms: 1, timeout_ms: 30_000 },
  );
  assert.ok(calls < 200, `${calls} replies were made`);
});

test('a peer that does not read at all is cut after its time', async (t) => {
  const clock = new StillClock();
  const protocol: Protocol = {
    name: 'rpc/1',
    policy: 'member',
    handler: rpcHandler({
      logger: silentLogger,
      methods: { large: () => Promise.resolve(Buffer.alloc(4 * 1024 * 1024)) },
    }),
  };
  const { listener, port } = await listen(t, [protocol], { clock });
  const peer = await RawPeer.member(t, port, 'rpc/1').accepted();
  peer.socket.pause();
  for (let id = 1; id <= 6; id += 1) {
    const payload = encodeRequest(id, 'large', Buffer.alloc(0));
    peer.socket.write(Buffer.concat([Buffer.from([0, 0, 0, payload.length + 1, FRAME.request]), payload]));
  }
  await waitFor(
    () => {
      // Pings go on, so that it is the reading that it is cut for.
      peer.socket.write(Buffer.from([0, 0, 0, 1, FRAME.ping]));
      clock.advance(500);
      return listener.connections.length === 0;
    },
    { what: 'it to be cut', interval_ms: 20 },
  );
});

test('a flood of pings is answered with few pongs', async (t) => {
  const server = await listen(t, protocolsOfAllKinds(noCalls()));
  const peer = await RawPeer.member(t, server.port, 'raft/1').accepted();
  peer.socket.write(
    Buffer.concat(Array.from({ length: 10_000 }, () => Buffer.from([0, 0, 0, 1, FRAME.ping]))),
  );
  await waitFor(() => peer.frames.some(({ type }) => type === FRAME.pong), {
    what: 'a pong',
    interval_ms: 5,
  });
  await stillServes(t, server);
  const pongs = peer.frames.filter(({ type }) => type === FRAME.pong).length;
  assert.ok(pongs < 1_000, `${pongs} pongs`);
});

test('peers that reset their connections in the middle of anything leave no trace', async (t) => {
  const server = await listen(t, protocolsOfAllKinds(noCalls()));
  for (const protocol of PROTOCOLS) {
    for (let round = 0; round < 5; round += 1) {
      // The reset must be TCP's own, below TLS.
      const tcp = connect(server.port, '127.0.0.1');
      tcp.on('error', () => undefined);
      await once(tcp, 'connect');
      const peer = RawPeer.member(t, server.port, protocol, undefined, { socket: tcp });
      if (round > 1) {
        await peer.accepted();
        peer.socket.write(Buffer.from([0, 0, 1, 0, FRAME.header, 1, 2, 3]));
      }
      tcp.resetAndDestroy();
      peer.socket.destroy();
    }
  }
  await waitFor(() => server.listener.connections.length === 0 && server.listener.handshakes === 0, {
    what: 'all to be gone',
    interval_ms: 5,
  });
  await stillServes(t, server);
});
