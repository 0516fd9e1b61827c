// SPDX-License-Identifier: Apache-2.0
// Whoever speaks to the web page's port as no browser does: answered or cut, while the page is served to others.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { Visitor } from './ui-harness.ts';

/** Sends the bytes, and with `ends` nothing more; resolves with what came until the server has closed the connection. */
async function answerTo(
  { server }: Visitor,
  bytes: string | Buffer,
  ends: 'ends' | 'stays',
): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(server.address).port) });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // The server may have had enough while there still is something to be written.
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');
  socket.write(bytes);
  if (ends === 'ends') {
    socket.end();
  }
  await closed;
  return Buffer.concat(chunks).toString('latin1');
}

async function stillServes(visitor: Visitor): Promise<void> {
  assert.equal((await visitor.page('cluster')).status, 200);
}

const requestOf = (line: string, ...headers: readonly string[]): string =>
  `${[line, 'Host: 127.0.0.1', ...headers].join('\r\n')}\r\n\r\n`;

describe('the port of the web page', () => {
  const visit = (context: TestContext): Promise<Visitor> => Visitor.signedIn(context);

  test('opens no tunnel and upgrades nothing', async (context) => {
    const visitor = await visit(context);
    assert.equal(await answerTo(visitor, requestOf('CONNECT 127.0.0.1:1 HTTP/1.1'), 'stays'), '');
    const upgrade = requestOf('GET / HTTP/1.1', 'Connection: Upgrade, close', 'Upgrade: websocket');
    assert.doesNotMatch(await answerTo(visitor, upgrade, 'ends'), /^HTTP\/1\.1 101 /);
    await stillServes(visitor);
  });

  test('does nothing for a form that breaks off, or has two lengths', async (context) => {
    const visitor = await visit(context);
    const form = ['Content-Type: application/x-www-form-urlencoded', 'Content-Length: 100'];
    const half = `${requestOf('POST /sign-in HTTP/1.1', `Origin: ${visitor.server.address.slice(0, -1)}`, ...form)}token=`;
    assert.doesNotMatch(await answerTo(visitor, half, 'ends'), /^HTTP\/1\.1 [23]/);
    const two = requestOf('POST /sign-in HTTP/1.1', ...form, 'Transfer-Encoding: chunked');
    assert.match(await answerTo(visitor, `${two}0\r\n\r\n`, 'stays'), /^HTTP\/1\.1 400 /);
    await stillServes(visitor);
  });
});
