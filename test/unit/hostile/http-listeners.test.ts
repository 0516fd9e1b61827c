// SPDX-License-Identifier: Apache-2.0
// What no honest client does, to each HTTP listener of the daemon: it costs a bounded amount, is cut off, and whoever comes meanwhile is served.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { SeededRandom } from '../../support/seeded-random.ts';
import { waitFor } from '../../support/wait-for.ts';
import { BOUNDED, CROWD, type HttpListener, isServed, LISTENERS, Peer, SHORT_MS } from './http-listeners.ts';

const PIPELINED = 500;
const HEAD_BYTES = 4 * 1024 * 1024;

type Start = (context: TestContext, head_ms?: number) => Promise<HttpListener>;

/** At the same time, since most of them wait for something. */
async function each(
  context: TestContext,
  starts: readonly Start[],
  attack: (listener: HttpListener) => Promise<void>,
  head_ms?: number,
): Promise<void> {
  await Promise.all(
    starts.map(async (start) => {
      const listener = await start(context, head_ms);
      await attack(listener);
      await isServed(context, listener);
    }),
  );
}

/** Writes one piece after the other, for as long as the other side lets it. */
async function dribble(peer: Peer, what: string, piece: string): Promise<void> {
  await waitFor(
    () => {
      peer.write(piece);
      return peer.isOver;
    },
    { what: `${what} to be cut off`, interval_ms: 10 },
  );
}

/** Writes as much as the other side takes, until it lets it no more. */
async function flood(peer: Peer, what: string): Promise<void> {
  const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
  await waitFor(
    () => {
      if (!peer.isOver && peer.socket.writableLength === 0) {
        peer.write(chunk.repeat(4));
      }
      return peer.isOver;
    },
    { what: `${what} to be cut off`, interval_ms: 5 },
  );
}

describe('each HTTP listener', () => {
  test('cuts off heads that come byte by byte and never end, and bodies that do not, and serves others', async (t) => {
    const attack = async (listener: HttpListener): Promise<void> => {
      const begun = async (bytes: string): Promise<Peer> => {
        const peer = await Peer.open(t, listener);
        peer.write(bytes);
        return peer;
      };
      const again = await Peer.open(t, listener);
      await isServed(t, listener, again);
      again.write('GET / HTTP/1.1\r\nX: ');
      const unread = listener.bodyRequest.replace(/^(\w+) \S+/, '$1 /nowhere');
      const attacks = [
        dribble(await begun('GET / HTTP/1.1\r\nX: '), `a head to ${listener.name}`, 'x'),
        dribble(again, `a second head to ${listener.name}`, 'x'),
        dribble(await begun(listener.bodyRequest), `a body to ${listener.name}`, '1\r\nx\r\n'),
        dribble(await begun(unread), `a body to ${listener.name} that nobody reads`, '1\r\nx\r\n'),
        flood(await begun(listener.bodyRequest), `a flood of ${listener.name}`),
      ];
      await isServed(t, listener);
      await Promise.all(attacks);
    };
    await each(t, BOUNDED, attack, SHORT_MS);
  });

  test('cuts off who sends one request after the other, and waits for no answer', async (t) => {
    await each(t, LISTENERS, async (listener) => {
      const peer = await Peer.open(t, listener);
      peer.write(listener.request.repeat(PIPELINED));
      await isServed(t, listener);
      await peer.over(`${PIPELINED} requests at once to ${listener.name}`);
      assert.ok(peer.answers < PIPELINED / 2, `${listener.name} has answered ${peer.answers}`);
    });
  });

  test('answers a few requests that do not wait, each in its turn', async (t) => {
    await each(t, LISTENERS, async (listener) => {
      const peer = await Peer.open(t, listener);
      peer.write(listener.request.repeat(4));
      await waitFor(() => peer.answers === 4, { what: `four answers of ${listener.name}`, interval_ms: 5 });
    });
  });

  test('serves who comes when more are there than it holds, who say nothing', async (t) => {
    await each(t, LISTENERS, async (listener) => {
      const idle = await Promise.all(Array.from({ length: CROWD }, async () => Peer.open(t, listener)));
      await isServed(t, listener);
      idle.forEach(({ socket }) => socket.destroy());
    });
  });

  test('serves who comes when more are there than it holds, who have begun a request', async (t) => {
    await each(t, BOUNDED, async (listener) => {
      const slow = await Promise.all(
        Array.from({ length: CROWD }, async () => {
          const peer = await Peer.open(t, listener);
          peer.write(listener.bodyRequest);
          return peer;
        }),
      );
      await isServed(t, listener);
      slow.forEach(({ socket }) => socket.destroy());
    });
  });

  test('turns away bytes that are no HTTP, and heads without end', async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    await each(t, LISTENERS, async (listener) => {
      for (const bytes of [
        Buffer.concat([Buffer.of(0x16, 3, 1), random.bytes(500)]),
        Buffer.alloc(100_000),
        `GET / HTTP/1.1\r\nHost: x\r\n${'X: y\r\n'.repeat(HEAD_BYTES / 6)}`,
        `GET /${'x'.repeat(HEAD_BYTES)}`,
      ]) {
        const peer = await Peer.open(t, listener);
        peer.write(bytes);
        await peer.over(`what is no request to ${listener.name}`);
        assert.ok(peer.text === '' || /^HTTP\/1\.1 4\d\d /.test(peer.text), peer.text.slice(0, 200));
      }
    });
  });

  test('answers who has shut its sending side behind a request, and ends the connection', async (t) => {
    await each(t, LISTENERS, async (listener) => {
      const peer = await Peer.open(t, listener);
      peer.socket.end(listener.request);
      await peer.over(`one that has shut its side to ${listener.name}`);
      const half = await Peer.open(t, listener);
      half.socket.end(listener.request.slice(0, 12));
      await half.over(`half a head to ${listener.name}`);
      assert.doesNotMatch(half.text, /^HTTP\/1\.1 2/);
    });
  });
});
