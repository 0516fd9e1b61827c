// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { ConnectionBounds, type ConnectionBoundsOptions } from '../../../src/common/index.ts';
import { waitFor } from '../../support/wait-for.ts';

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const UNFINISHED_MS = 1_000;

interface Served {
  readonly bounds: ConnectionBounds;
  /** Of requests that were admitted, and are answered by the test. */
  readonly responses: readonly ServerResponse[];
  readonly open: (localAddress?: string) => Promise<Socket>;
}

async function serve(context: TestContext, options: Partial<ConnectionBoundsOptions> = {}): Promise<Served> {
  const bounds = new ConnectionBounds({ connectionsMax: 4, ...options });
  const responses: ServerResponse[] = [];
  const server = createServer({ headersTimeout: 0, requestTimeout: 0 }, (request, response) => {
    if (bounds.admits(request, response)) {
      responses.push(response);
    }
  });
  bounds.watch(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    bounds,
    responses,
    open: async (localAddress = '127.0.0.1') => {
      const accepted = once(server, 'connection');
      const { port } = server.address() as AddressInfo;
      const socket = connect({ host: '127.0.0.1', port, localAddress });
      socket.on('error', () => undefined).resume();
      context.after(() => socket.destroy());
      await accepted;
      return socket;
    },
  };
}

const gone = (socket: Socket): Promise<boolean> =>
  waitFor(() => socket.destroyed, { what: 'a connection to be cut', interval_ms: 2 });

test('a newcomer takes the place of who has kept the server waiting longest', async (context) => {
  const { open, responses } = await serve(context);
  const worked = await open();
  worked.write(GET);
  await waitFor(() => responses.length === 1, { what: 'the request', interval_ms: 2 });
  const idle = await open();
  const later = await open();
  await open();
  await open();
  await gone(idle);
  await open();
  await gone(later);
  assert.ok(!worked.destroyed, 'who waits for the server keeps its place');
});

test('nobody gives way while all wait for the server', async (context) => {
  const { open, responses } = await serve(context, { connectionsMax: 2 });
  const both = [await open(), await open()];
  both.forEach((socket) => socket.write(GET));
  await waitFor(() => responses.length === 2, { what: 'the requests', interval_ms: 2 });
  await gone(await open());
  responses[0]?.end();
  await open();
  await waitFor(() => both.some(({ destroyed }) => destroyed), {
    what: 'the one that was answered to give way',
    interval_ms: 2,
  });
});

test('a crowd of one address takes no place from others', async (context) => {
  const { open } = await serve(context);
  const honest = await open('127.0.0.2');
  const crowd: Socket[] = [];
  for (let count = 0; count < 12; count += 1) {
    crowd.push(await open());
  }
  await waitFor(() => crowd.filter(({ destroyed }) => destroyed).length === 12 - 3, {
    what: 'the crowd to be held to what is left',
    interval_ms: 2,
  });
  assert.ok(!honest.destroyed);
});

test('sixteen requests are under way of one connection, and the next one ends it', async (context) => {
  const { open, responses } = await serve(context);
  const socket = await open();
  socket.write(GET.repeat(16));
  await waitFor(() => responses.length === 16, { what: 'sixteen requests', interval_ms: 2 });
  responses[0]?.end();
  await waitFor(() => responses[0]?.closed, { what: 'an answer', interval_ms: 2 });
  socket.write(GET);
  await waitFor(() => responses.length === 17, { what: 'room for another one', interval_ms: 2 });
  socket.write(GET.repeat(500));
  await gone(socket);
  assert.equal(responses.length, 17, 'of those that came with it, none is admitted');
});

test('whoever begins a request ends it in time, and whoever begins none may stay', async (context) => {
  let now_ms = 0;
  const { bounds, open, responses } = await serve(context, {
    unfinished_ms: UNFINISHED_MS,
    monotonic_ms: () => now_ms,
  });
  const pass = (): void => {
    bounds.check();
    now_ms += UNFINISHED_MS + 1;
    bounds.check();
  };
  const silent = await open();
  const dribbling = await open();
  const unread = await open();
  unread.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx');
  await waitFor(() => responses.length === 1, { what: 'the request', interval_ms: 2 });
  pass();
  assert.ok(!unread.destroyed, 'its body is for whoever reads it to bound');
  responses[0]?.end();
  await waitFor(() => responses[0]?.closed, { what: 'an answer', interval_ms: 2 });
  dribbling.write('GET / HT');
  await waitFor(
    () => {
      pass();
      return dribbling.destroyed && unread.destroyed;
    },
    { what: 'both to be cut', interval_ms: 2 },
  );
  silent.write(GET);
  await waitFor(() => responses.length === 2, { what: 'the silent one to be served', interval_ms: 2 });
  responses[1]?.end();
  await waitFor(() => responses[1]?.closed, { what: 'an answer', interval_ms: 2 });
  pass();
  assert.ok(!silent.destroyed, 'an answer later it may be silent again');
});
