// SPDX-License-Identifier: Apache-2.0
// Everything that is not coffer's: the same bytes on both sides.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextRaw, type Side } from './engine-side.ts';
import { eventually, startGateway } from './gateway-harness.ts';

test('headers go through as they are, repeated ones too, and those of the connection do not', async (context) => {
  const harness = await startGateway(context);
  const answer = await harness.send('POST', '/build?x=%2F&y=a+b', 'tar', [
    'X-Docker-Expose-Session-Grpc-Method',
    '/one',
    'x-docker-expose-session-grpc-method',
    '/two',
    'X-Registry-Config',
    'c'.repeat(200_000),
    'Keep-Alive',
    '5',
  ]);
  assert.equal(answer.status, 404);
  const seen = harness.engine.seen[0];
  assert.equal(seen?.url, '/build?x=%2F&y=a+b');
  assert.deepEqual(seen?.rawHeaders.slice(0, 6), [
    'Host',
    'docker',
    'Content-Type',
    'application/json',
    'Content-Length',
    '3',
  ]);
  const methods = seen?.rawHeaders.filter((_text, index, all) =>
    /^x-docker-expose/i.test(all[index - 1] ?? ''),
  );
  assert.deepEqual(methods, ['/one', '/two']);
  assert.equal(
    seen?.rawHeaders.some((text) => /^keep-alive$/i.test(text) && text === 'Keep-Alive'),
    false,
  );
});

test('an answer has the engine headers and none of the gateway', async (context) => {
  const harness = await startGateway(context);
  harness.engine.handler = (_request, response) => {
    response.sendDate = false;
    response.removeHeader('Connection');
    response.writeHead(200, 'FINE', ['Warning', 'a', 'Warning', 'b', 'Content-Length', '2']);
    response.end('ok');
    return true;
  };
  const client = await harness.open();
  client.write('GET /version HTTP/1.1\r\nHost: d\r\n\r\n');
  await client.has('ok');
  assert.equal(
    client.received,
    'HTTP/1.1 200 FINE\r\nWarning: a\r\nWarning: b\r\nContent-Length: 2\r\n\r\nok',
  );
});

test('one connection mixes calls, and HEAD has no body', async (context) => {
  const harness = await startGateway(context);
  const client = await harness.open();
  client.write('HEAD /_ping HTTP/1.1\r\nHost: d\r\n\r\n');
  await client.has('\r\n\r\n');
  client.write('GET /v1.41/secrets HTTP/1.1\r\nHost: d\r\n\r\n');
  await client.has('[]');
  const body = JSON.stringify({ Name: 'a', Data: 'QQ==' });
  client.write(
    `POST /v1.41/secrets/create HTTP/1.1\r\nHost: d\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await client.has('201 Created');
  client.write('GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n');
  await client.has('\r\n\r\nOK');
});

test('a stream is flushed from its head on, and the client that leaves ends it in the engine', async (context) => {
  const harness = await startGateway(context);
  const client = await harness.open();
  client.write('GET /v1.41/events HTTP/1.1\r\nHost: d\r\n\r\n');
  await client.has('\r\n\r\n');
  assert.match(client.received, /transfer-encoding: chunked/i);
  const [stream] = harness.engine.eventStreams;
  stream?.write('{"a":1}\n');
  await client.has('{"a":1}\n');
  client.socket.destroy();
  await eventually(() => harness.engine.eventStreams.size === 0, 'the end of the stream in the engine');
});

test('an answer that breaks off breaks off for the client', async (context) => {
  const harness = await startGateway(context);
  harness.engine.handler = (_request, response) => {
    response.writeHead(200, { 'Content-Length': '10' });
    response.write('half');
    setImmediate(() => response.socket?.destroy());
    return true;
  };
  await assert.rejects(harness.send('GET', '/images/get'));
});

test('trailers pass in both directions', async (context) => {
  const harness = await startGateway(context);
  harness.engine.handler = (request, response) => {
    request.resume();
    request.on('end', () => {
      response.writeHead(200, { Trailer: 'X-Sum', 'Transfer-Encoding': 'chunked' });
      response.write('body');
      response.addTrailers({ 'X-Sum': request.trailers['x-sum'] ?? 'none' });
      response.end();
    });
    return true;
  };
  const client = await harness.open();
  client.write('POST /grpc HTTP/1.1\r\nHost: d\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n');
  client.write('3\r\nabc\r\n0\r\nX-Sum: 42\r\n\r\n');
  await client.has('0\r\nX-Sum: 42\r\n\r\n');
});

test('Expect: 100-continue waits for the engine', async (context) => {
  const harness = await startGateway(context);
  const client = await harness.open();
  client.write('POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n');
  await client.has('HTTP/1.1 100 Continue\r\n\r\n');
  client.write('tar');
  await client.has('404 Not Found');
  assert.equal(harness.engine.seen[0]?.body.toString(), 'tar');
});

test('Expect: 100-continue works for a create too', async (context) => {
  const harness = await startGateway(context);
  const client = await harness.open();
  const body = JSON.stringify({ Name: 'a', Data: 'QQ==' });
  client.write(
    `POST /secrets/create HTTP/1.1\r\nHost: d\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`,
  );
  await client.has('HTTP/1.1 100 Continue\r\n\r\n');
  client.write(body);
  await client.has('201 Created');
});

test('a body flows no faster than the engine takes it', async (context) => {
  const harness = await startGateway(context);
  let goOn: (() => void) | undefined;
  harness.engine.handler = (request, response) => {
    request.pause();
    goOn = () => {
      let size = 0;
      request.on('data', (chunk: Buffer) => {
        size += chunk.length;
      });
      request.on('end', () => response.end(String(size)));
      request.resume();
    };
    return true;
  };
  const client = await harness.open();
  const size = 32 * 1024 * 1024;
  client.write(`POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: ${size}\r\n\r\n`);
  client.socket.write(Buffer.alloc(size));
  await eventually(() => goOn !== undefined, 'the request in the engine');
  let before = -1;
  // Everything on the way is full once nothing more leaves the client between two looks.
  await eventually(() => {
    const stalled = client.socket.bytesWritten - client.socket.writableLength === before;
    before = client.socket.bytesWritten - client.socket.writableLength;
    return stalled;
  }, 'the standstill');
  assert.ok(client.socket.writableLength > size / 2, `${client.socket.writableLength} bytes are held back`);
  goOn?.();
  await client.has(String(size));
});

test('a client that shuts its sending side still gets its answer', async (context) => {
  const harness = await startGateway(context);
  harness.engine.handler = (request, response) => {
    request.socket.once('end', () => response.end('after the half-close'));
    return true;
  };
  const client = await harness.open();
  client.write('GET /containers/x/logs HTTP/1.1\r\nHost: d\r\n\r\n');
  client.halfClose();
  await client.has('after the half-close');
});

test('an upgrade carries bytes both ways, and each half-close by itself', async (context) => {
  const harness = await startGateway(context);
  const [client, engine] = await openHijack(
    harness,
    ['POST /v1.41/exec/a1/start HTTP/1.1', 'Upgrade: tcp'],
    101,
  );
  client.write('in');
  await engine.has('in');
  client.halfClose();
  await engine.ended();
  engine.socket.write('out after the end of input');
  await client.has('out after the end of input');
  engine.socket.end();
  await client.ended();
});

test('the body of an upgrade request may come later and in pieces', async (context) => {
  const harness = await startGateway(context);
  const engine = nextRaw(harness.engine);
  const client = await harness.open();
  client.write(
    'POST /exec/a1/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 14\r\n\r\n{"Deta',
  );
  const side = await engine;
  await side.has('{"Deta');
  client.write('ch":0}\n\n');
  await side.has('{"Detach":0}\n\n');
  assert.match(
    side.received,
    /Connection: Upgrade\r\nUpgrade: tcp\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 14/,
  );
  side.socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello');
  await client.has('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello');
});

test('an upgrade works on a connection that served calls before', async (context) => {
  const harness = await startGateway(context);
  const client = await harness.open();
  client.write('HEAD /_ping HTTP/1.1\r\nHost: d\r\n\r\n');
  await client.has('\r\n\r\n');
  const engine = nextRaw(harness.engine);
  client.write('POST /session HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
  const side = await engine;
  side.socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\nh2');
  await client.has('101 Switching Protocols\r\n\r\nh2');
});

test('an upgrade that is refused is the last answer on its connection', async (context) => {
  const harness = await startGateway(context);
  const engine = nextRaw(harness.engine);
  const client = await harness.open();
  client.write('POST /exec/a1/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
  const side = await engine;
  side.socket.write('HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nno');
  side.socket.write('pe');
  await client.has('HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnope');
  client.write('POST /secrets/create HTTP/1.1\r\nContent-Length: 6\r\n\r\nCANARY');
  await client.ended();
  assert.doesNotMatch(side.received, /CANARY/);
});

test('a hijack without an Upgrade header is a stream both ways', async (context) => {
  const harness = await startGateway(context);
  const [client, engine] = await openHijack(
    harness,
    ['POST /v1.41/containers/x/attach?stdin=1&stream=1 HTTP/1.1'],
    200,
  );
  client.write('GET /not/a/request HTTP/1.1\r\n\r\n');
  await engine.has('GET /not/a/request');
  client.halfClose();
  await engine.ended();
  engine.socket.write('late');
  await client.has('late');
});

test('the preface of HTTP/2 opens a tunnel, also when it comes byte by byte', async (context) => {
  const harness = await startGateway(context);
  const engine = nextRaw(harness.engine);
  const client = await harness.open();
  for (const byte of 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n') {
    client.write(byte);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  client.write('\0\0\0\x04\0');
  const side = await engine;
  await side.has('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0');
  side.socket.write('settings');
  await client.has('settings');
});

test('a head that comes in pieces is a request like any other', async (context) => {
  const harness = await startGateway(context);
  const client = await harness.open();
  for (const piece of [
    'P',
    'OST /v1.41/contai',
    'ners/x/wait HTTP/1.1\r\nHo',
    'st: d\r\nContent-Length: 0\r\n',
    '\r\n',
  ]) {
    client.write(piece);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  await client.has('404 Not Found');
});

test('without an engine the client reads what to do, and with it again the same connection serves', async (context) => {
  const harness = await startGateway(context);
  await harness.engine.stop();
  const client = await harness.open();
  client.write('GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n');
  await client.has('503 Service Unavailable');
  await client.has('see that it runs');
  await harness.engine.start();
  client.write('GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n');
  await client.has('\r\n\r\nOK');
  await harness.engine.stop();
  await harness.engine.start();
  client.write('GET /v1.41/secrets HTTP/1.1\r\nHost: d\r\n\r\n');
  await client.has('[]');
});

test('without an engine an upgrade is answered too', async (context) => {
  const harness = await startGateway(context);
  await harness.engine.stop();
  const client = await harness.open();
  client.write('POST /containers/x/attach HTTP/1.1\r\nHost: d\r\n\r\n');
  await client.has('503 Service Unavailable');
  await client.ended();
});

test('bytes that are no HTTP are answered, and the gateway lives', async (context) => {
  const harness = await startGateway(context);
  const client = await harness.open();
  client.write('\x16\x03\x01 hello\r\n\r\n');
  await client.has('400 Bad Request');
  await client.ended();
  const silent = await harness.open();
  silent.halfClose();
  await silent.ended();
  assert.equal((await harness.send('GET', '/_ping')).text, 'OK');
});

test('a secrets call cannot slip by as an upgrade', async (context) => {
  const harness = await startGateway(context);
  const client = await harness.open();
  const body = JSON.stringify({ Name: 'a', Data: 'Q0FOQVJZ' });
  client.write(
    `POST /secrets/create HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await client.has('400 Bad Request');
  assert.equal(harness.engine.hasReceived('CANARY'), false);
});

async function openHijack(
  harness: Awaited<ReturnType<typeof startGateway>>,
  [line, upgrade]: readonly [string, string?],
  status: 101 | 200,
): Promise<[Awaited<ReturnType<typeof harness.open>>, Side]> {
  const raw = nextRaw(harness.engine);
  const client = await harness.open();
  const headers = upgrade === undefined ? '' : `Connection: Upgrade\r\n${upgrade}\r\n`;
  client.write(`${line}\r\nHost: d\r\n${headers}\r\n`);
  const engine = await raw;
  engine.socket.write(
    `HTTP/1.1 ${status} OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\nfirst`,
  );
  await client.has('\r\n\r\nfirst');
  return [client, engine];
}
