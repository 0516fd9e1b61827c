// SPDX-License-Identifier: Apache-2.0
// What no node does, on each kind of protocol of a node's port: that of the log's messages, of calls, of streams (snapshots), of channels (agents), and of
// strangers' calls. It costs a bounded amount, is cut off, and whoever comes meanwhile is served.
import assert from 'node:assert/strict';
import { after, describe, test, type TestContext } from 'node:test';
import { channelHandler, FRAME, type FrameType, type Protocol } from '../../../src/transport/index.ts';
import { encodeRequest } from '../../../src/transport/rpc-frames.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { StillClock } from '../../support/still-clock.ts';
import { waitFor } from '../../support/wait-for.ts';
import {
  type Calls,
  leafOf,
  listen,
  noCalls,
  openClient,
  protocolsOfAllKinds,
  RawPeer,
  removeAuthority,
  type TestListener,
} from '../transport/transport-harness.ts';

after(removeAuthority);

const MESSAGE_BYTES = 1_024;
/** Longer than any protocol lets a frame or a silence last, and than a connection takes to end while this clock goes on. */
const LONG_MS = 120_000;
const PIPELINED = 500;
const CROWD = 20;

interface Row {
  readonly protocol: string;
  /** What a good connection begins with. */
  readonly opening: Buffer;
  /** A frame that may come again and again. */
  readonly repeated: Buffer;
  /** Of those that one peer has open. */
  readonly connectionsMax: number;
  /** Over one connection, of those that come without a pause. */
  readonly callsMax: number;
}

const frame = (type: FrameType, payload: Buffer = Buffer.alloc(0)): Buffer => {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(payload.length + 1);
  header.writeUInt8(type, 4);
  return Buffer.concat([header, payload]);
};
const call = frame(FRAME.request, encodeRequest(1, 'echo', Buffer.from('x')));
const NONE = Buffer.alloc(0);
const message = frame(FRAME.data, Buffer.from('x'));

const ROWS: readonly Row[] = [
  { protocol: 'raft/1', opening: NONE, repeated: message, connectionsMax: 4, callsMax: 0 },
  { protocol: 'rpc/1', opening: NONE, repeated: call, connectionsMax: 4, callsMax: PIPELINED },
  {
    protocol: 'stream/1',
    opening: frame(FRAME.header, Buffer.from('{}')),
    repeated: frame(FRAME.chunk, Buffer.from('x')),
    connectionsMax: 2,
    callsMax: 0,
  },
  { protocol: 'channel/1', opening: NONE, repeated: message, connectionsMax: 2, callsMax: 0 },
  { protocol: 'join/1', opening: NONE, repeated: call, connectionsMax: 16, callsMax: 32 },
];

interface Port extends TestListener {
  readonly clock: StillClock;
  readonly calls: Calls;
}

async function openPort(t: TestContext): Promise<Port> {
  const calls = noCalls();
  const clock = new StillClock();
  const channel: Protocol = {
    name: 'channel/1',
    policy: 'member',
    handler: channelHandler({
      message_bytes: MESSAGE_BYTES,
      queue_bytes: MESSAGE_BYTES,
      accept: () => ({ onMessage: () => undefined, onClose: () => undefined }),
    }),
  };
  return { ...(await listen(t, [...protocolsOfAllKinds(calls), channel], { clock })), clock, calls };
}

async function opened(t: TestContext, { port }: Port, { opening, protocol }: Row): Promise<RawPeer> {
  const peer = await RawPeer.member(t, port, protocol, leafOf('m3')).accepted();
  peer.socket.write(opening);
  return peer;
}

async function isServed(t: TestContext, { address }: Port): Promise<void> {
  assert.equal((await openClient(t, address).call('echo', Buffer.from('x'))).toString(), 'x');
}

/** Writes a piece at each half second of the listener's, until it is cut off; how long that took by its clock. */
async function dribble(peer: RawPeer, { clock }: Port, piece: Buffer): Promise<number> {
  const begun_ms = clock.now_ms();
  await waitFor(
    () => {
      peer.socket.write(piece);
      clock.advance(500);
      return peer.isOver;
    },
    { what: 'it to be cut off', interval_ms: 2 },
  );
  return clock.now_ms() - begun_ms;
}

for (const row of ROWS) {
  describe(`on ${row.protocol}`, () => {
    test('a frame that comes byte by byte and never ends is cut off, and others are served', async (t) => {
      const port = await openPort(t);
      const peer = await opened(t, port, row);
      peer.socket.write(Buffer.from([0, 0, 3, 0, row.repeated.readUInt8(4)]));
      await isServed(t, port);
      const took_ms = await dribble(peer, port, Buffer.alloc(1));
      assert.ok(took_ms <= LONG_MS, `after ${took_ms} ms`);
      await isServed(t, port);
    });

    test('a frame’s first bytes that never become a length are cut off too', async (t) => {
      const port = await openPort(t);
      const peer = await opened(t, port, row);
      peer.socket.write(Buffer.from([0, 0]));
      const took_ms = await dribble(peer, port, NONE);
      assert.ok(took_ms <= LONG_MS, `after ${took_ms} ms`);
      await isServed(t, port);
    });

    test('silence is cut off', async (t) => {
      const port = await openPort(t);
      const peer = await opened(t, port, row);
      const took_ms = await dribble(peer, port, NONE);
      assert.ok(took_ms <= LONG_MS, `after ${took_ms} ms`);
      await isServed(t, port);
    });

    test('who shuts its side of TLS leaves nothing behind, in the middle of a frame neither', async (t) => {
      const port = await openPort(t);
      for (const begun of [NONE, row.repeated.subarray(0, 3), row.repeated.subarray(0, 6)]) {
        const peer = await opened(t, port, row);
        peer.socket.end(begun);
        await peer.over();
      }
      await waitFor(() => port.listener.connections.length === 0, { what: 'all to be gone', interval_ms: 5 });
      await isServed(t, port);
    });

    test('garbage, and a frame that says it is enormous, are refused before anything is kept for them', async (t) => {
      const random = new SeededRandom();
      t.diagnostic(random.description);
      const port = await openPort(t);
      const enormous = Buffer.from([0xff, 0xff, 0xff, 0xff, row.repeated.readUInt8(4)]);
      const garbage = random.bytes(20_000);
      garbage[0] = 0x7f;
      for (const bytes of [enormous, garbage]) {
        const [stays, ends] = [await opened(t, port, row), await opened(t, port, row)];
        stays.socket.write(bytes);
        // It has nothing more to say, and is told why all the same.
        ends.socket.end(bytes);
        for (const peer of [stays, ends]) {
          await peer.over();
          assert.match(peer.refusal ?? '', /transport\.frame-invalid/);
        }
      }
      await isServed(t, port);
    });

    test('many at once, without a look at what comes back, are taken, bounded or refused, and others are served', async (t) => {
      const port = await openPort(t);
      const peer = await opened(t, port, row);
      peer.socket.write(Buffer.concat(Array.from({ length: PIPELINED }, () => row.repeated)));
      await isServed(t, port);
      peer.socket.end();
      await peer.over();
      const called = port.calls.calls.filter(({ from }) => from === 'm3').length;
      assert.ok(called <= row.callsMax, `${called} calls were taken`);
      await waitFor(() => port.listener.connections.every(({ peer: of }) => of?.nodeId !== 'm3'), {
        what: 'it to be gone',
        interval_ms: 5,
      });
    });

    test('a crowd that says nothing more has few places, and others are served', async (t) => {
      const port = await openPort(t);
      const crowd = Array.from({ length: CROWD }, () => {
        const peer = RawPeer.member(t, port.port, row.protocol, leafOf('m3'));
        peer.socket.once('secureConnect', () => peer.socket.write(row.opening));
        return peer;
      });
      const ends = (): number => crowd.filter(({ isOver }) => isOver).length;
      await waitFor(() => ends() >= CROWD - row.connectionsMax, {
        what: 'all but a few to be cut off',
        interval_ms: 5,
      });
      await isServed(t, port);
      crowd.forEach(({ socket }) => socket.destroy());
    });
  });
}
