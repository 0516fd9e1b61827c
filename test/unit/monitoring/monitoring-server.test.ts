// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import type { Monitored } from '../../../src/monitoring/index.ts';
import { waitFor } from '../../support/wait-for.ts';
import { MONITORED, monitoringServer, startListening } from './monitoring-harness.ts';

async function withServer(
  monitored: Monitored,
  body: (base: string, port: number) => Promise<void>,
): Promise<void> {
  const server = monitoringServer({ monitored });
  try {
    const port = await startListening(server);
    await body(`http://127.0.0.1:${port}`, port);
  } finally {
    await server.close();
  }
}

/** All that comes back for these bytes, until the other side ends. */
async function answerTo(port: number, bytes: string | Buffer): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // What still is to be written when the other side has had enough.
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');
  socket.write(bytes);
  await closed;
  return Buffer.concat(chunks).toString('latin1');
}

test('four paths are answered, and nothing else', async () => {
  await withServer(MONITORED, async (base) => {
    const get = async (path: string, method = 'GET'): Promise<readonly [number, string | null, string]> => {
      const answer = await fetch(`${base}${path}`, { method });
      return [answer.status, answer.headers.get('content-type'), await answer.text()];
    };
    const [status, type, text] = await get('/metrics');
    assert.deepEqual([status, type], [200, 'text/plain; version=0.0.4; charset=utf-8']);
    assert.match(text, /^coffer_up 1$/m);
    assert.deepEqual((await get('/livez')).slice(0, 3), [200, 'text/plain; charset=utf-8', 'ok\n']);
    assert.equal((await get('/readyz?verbose'))[0], 200);
    assert.equal((await get('/v1/sys/health'))[0], 429);
    assert.equal((await get('/v1/sys/health?standbyok=true'))[0], 200);
    assert.equal((await get('/v1/sys/health?standbycode=1000'))[0], 400);
    assert.deepEqual([(await get('/livez', 'HEAD'))[0], (await get('/livez', 'HEAD'))[2]], [200, '']);
    for (const path of [
      '/',
      '/metrics/',
      '/v1/secrets',
      '/v1/status',
      '//metrics',
      '/livez%00',
      '/METRICS',
    ]) {
      const [missing, , body] = await get(path);
      assert.equal(missing, 404, path);
      assert.equal((JSON.parse(body) as { code: string }).code, 'request.not-found');
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      assert.equal((await get('/metrics', method))[0], 405, method);
    }
  });
});

test('who sends what is no request is answered or cut, and the next one is served', async () => {
  await withServer(MONITORED, async (base, port) => {
    assert.match(await answerTo(port, 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400 /);
    assert.match(
      await answerTo(port, `GET /livez HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(9_000)}\r\n\r\n`),
      /^HTTP\/1\.1 400 /,
    );
    // A body is not read: the connection ends with the answer.
    assert.match(
      await answerTo(port, 'POST /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\nbody'),
      /^HTTP\/1\.1 405 /,
    );
    assert.equal(await answerTo(port, 'CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n'), '');
    assert.equal((await fetch(`${base}/livez`)).status, 200);
  });
});

test('what goes wrong inside is for the log, not for whoever asks', async () => {
  const metrics = (): Promise<never> => Promise.reject(new Error('of /var/lib/coffer/state'));
  await withServer({ ...MONITORED, metrics }, async (base) => {
    const answer = await fetch(`${base}/metrics`);
    assert.equal(answer.status, 500);
    assert.deepEqual(await answer.json(), {
      code: 'internal.unexpected',
      message: "its cause is in the daemon's log",
    });
  });
});

test('a port that is taken is tried again, and said', async () => {
  const other = createServer().listen({ host: '127.0.0.1', port: 0 });
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const server = monitoringServer({ port, retry_ms: 10 });
  server.start();
  try {
    await waitFor(() => server.problem !== undefined, { what: 'the problem' });
    assert.match(server.problem ?? '', /EADDRINUSE/);
    other.close();
    await waitFor(() => server.port === port, { what: 'the port to be had' });
    assert.equal(server.problem, undefined);
    assert.equal((await fetch(`http://127.0.0.1:${port}/livez`)).status, 200);
  } finally {
    await server.close();
    other.close();
  }
});

test('one that is closed does not listen again', async () => {
  const server = monitoringServer({ host: '192.0.2.1', port: 1, retry_ms: 5 });
  server.start();
  await waitFor(() => server.problem !== undefined, { what: 'the problem' });
  await server.close();
  assert.equal(server.port, undefined);
});
