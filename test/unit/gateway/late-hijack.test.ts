// SPDX-License-Identifier: Apache-2.0
// A call that takes its connection over without an `Upgrade` header, on a connection that served calls before.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { nextRaw } from './engine-side.ts';
import { eventually, type Harness, type RawClient, startGateway } from './gateway-harness.ts';

const HIDDEN = 'POST /secrets/create HTTP/1.1\r\nHost: d\r\nContent-Length: 6\r\n\r\nHIDDEN';
const RAW_STREAM = 'HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n';

/** A connection by which a call was answered. */
async function usedConnection(context: TestContext): Promise<{ harness: Harness; client: RawClient }> {
  const harness = await startGateway(context);
  const client = await harness.open();
  client.write('HEAD /_ping HTTP/1.1\r\nHost: d\r\n\r\n');
  await client.has('\r\n\r\n');
  return { harness, client };
}

test('its stream goes both ways, whatever it holds, and each side ends by itself', async (context) => {
  const { harness, client } = await usedConnection(context);
  const engine = nextRaw(harness.engine);
  client.write('POST /exec/a1/start HTTP/1.1\r\nHost: d\r\nX-One: 1\r\nContent-Length: 16\r\n\r\n{"Detach":');
  client.write('false}');
  const side = await engine;
  await side.has('X-One: 1\r\nContent-Length: 16\r\n\r\n{"Detach":false}');
  side.socket.write(`${RAW_STREAM}first`);
  await client.has(`${RAW_STREAM}first`);
  const seen = harness.engine.seen.length;
  client.write(HIDDEN);
  await side.has(HIDDEN);
  client.write('\0not even a request');
  await side.has('\0not even a request');
  assert.equal(harness.engine.seen.length, seen, 'what streams is no call');
  client.halfClose();
  await side.ended();
  side.socket.end('late');
  await client.has('late');
  await client.ended();
});

test('a body in chunks reaches the engine whole', async (context) => {
  const { harness, client } = await usedConnection(context);
  const engine = nextRaw(harness.engine);
  client.write(
    'POST /v1.41/containers/x/attach?stream=1 HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
  client.write('2\r\n{}\r\n0\r\n\r\n');
  const side = await engine;
  await side.has('Content-Length: 2\r\n\r\n{}');
  assert.doesNotMatch(side.received, /chunked/);
});

test('one that is refused is answered, and the connection ends', async (context) => {
  const { harness, client } = await usedConnection(context);
  const engine = nextRaw(harness.engine);
  client.write('POST /exec/a1/start HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}');
  const side = await engine;
  side.socket.write('HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope');
  await client.has('HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnope');
  await client.ended();
});

test('input that comes in one piece with the call is never taken for a call', async (context) => {
  for (const input of [HIDDEN, 'not even a request\r\n\r\n']) {
    const { harness, client } = await usedConnection(context);
    harness.engine.onRaw = () => true;
    client.write(`POST /exec/a1/start HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}${input}`);
    await client.ended();
    assert.equal(harness.engine.hasReceived('HIDDEN'), false);
    assert.doesNotMatch(client.received, /400/);
  }
});

test('one behind a call that is not answered yet is refused', async (context) => {
  const { harness, client } = await usedConnection(context);
  let answer: (() => void) | undefined;
  harness.engine.handler = (_request, response) => {
    answer = () => void response.end('answered late');
    return true;
  };
  client.write('GET /info HTTP/1.1\r\nHost: d\r\n\r\nPOST /exec/a1/start HTTP/1.1\r\nHost: d\r\n\r\n');
  await eventually(() => answer !== undefined, 'the first call');
  answer?.();
  await client.has('come alone');
  assert.match(client.received, /200 OK[^]*answered late[^]*HTTP\/1\.1 400 Bad Request/);
  await client.ended();
});

test('with no engine it is told so', async (context) => {
  const { harness, client } = await usedConnection(context);
  await harness.engine.stop();
  client.write('POST /exec/a1/start HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}');
  await client.has('does not answer');
  assert.match(client.received, /HTTP\/1\.1 503 Service Unavailable/);
});
