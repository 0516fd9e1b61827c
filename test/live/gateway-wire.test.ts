// SPDX-License-Identifier: Apache-2.0
// The gateway byte by byte, against the engine's own socket: what Docker's clients rely on below the level of HTTP
// libraries.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { TEST_IMAGE } from '../support/busybox.ts';
import { type Coffer, startCoffer } from '../support/coffer.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { openSockets } from '../support/process-status.ts';
import { exchange, RawConnection } from '../support/raw-connection.ts';
import { requestOverSocket } from '../support/socket-request.ts';
import { waitFor } from '../support/wait-for.ts';

let engine: Engine;
let coffer: Coffer;
let container: string;

before(async () => {
  engine = await startEngine({ name: 'wire' });
  await engine.importBusybox();
  await engine.swarmInit();
  coffer = await startCoffer({ engine });
  container = (await engine.docker(['run', '-d', '--network', 'host', TEST_IMAGE])).stdout.trim();
});
after(async () => {
  await coffer?.stop();
  await engine?.stop();
});

/** A request as a client writes it; the body's length is added. */
function message(start: string, headers: readonly string[] = [], body = ''): string {
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  return `${[`${start} HTTP/1.1`, 'Host: docker', ...headers, ...length].join('\r\n')}\r\n\r\n${body}`;
}

/** What is the same at each call: no times, and the order of headers as sent. */
function withoutTimes(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/^Date: .*\r\n/gm, '');
}

async function bothSockets<T>(ask: (socket: string) => Promise<T>): Promise<T> {
  const direct = await ask(engine.socket);
  const through = await ask(coffer.gatewaySocket);
  assert.deepEqual(through, direct);
  return through;
}

async function newExec(command: readonly string[]): Promise<string> {
  const reply = await requestOverSocket(engine.socket, {
    method: 'POST',
    path: `/containers/${container}/exec`,
    body: { AttachStdin: true, AttachStdout: true, AttachStderr: true, Cmd: command },
  });
  return (reply.json() as { readonly Id: string }).Id;
}

const UPGRADE = ['Connection: Upgrade', 'Upgrade: tcp', 'Content-Type: application/json'];
const ATTACHED = JSON.stringify({ Detach: false, Tty: false });

describe('an exec that takes the connection over', () => {
  test('its body comes in the upgrade request, then its input, then the end of the input', async () => {
    const reply = await bothSockets(async (socket) => {
      const id = await newExec(['sh', '-c', 'cat; echo end']);
      const connection = await RawConnection.open(socket);
      try {
        connection.write(message(`POST /v1.41/exec/${id}/start`, UPGRADE, ATTACHED));
        await connection.until('\r\n\r\n');
        connection.write('some input\n');
        await connection.until('some input');
        connection.shutDown();
        return withoutTimes(await connection.untilOver());
      } finally {
        connection.destroy();
      }
    });
    assert.match(reply, /^HTTP\/1\.1 101 UPGRADED\r\n/);
    assert.match(reply, /end\n$/);
  });

  test('all in one packet, input included, with the sending side shut at once', async () => {
    await bothSockets(async (socket) => {
      const id = await newExec(['sh', '-c', 'cat; echo end']);
      const bytes = `${message(`POST /v1.41/exec/${id}/start`, UPGRADE, ATTACHED)}early input\n`;
      // The engine may give the two outputs in one frame or in two.
      return (await exchange(socket, bytes, { shutDown: true })).includes('end\n');
    });
  });

  test('one byte at a time', async () => {
    const reply = await bothSockets(async (socket) => {
      const id = await newExec(['echo', 'slow']);
      const connection = await RawConnection.open(socket);
      try {
        for (const byte of Buffer.from(message(`POST /v1.41/exec/${id}/start`, UPGRADE, ATTACHED))) {
          await connection.writeAll(Buffer.of(byte));
        }
        return withoutTimes(await connection.untilOver());
      } finally {
        connection.destroy();
      }
    });
    assert.match(reply, /slow\n$/);
  });

  test('without an Upgrade header it gets 200 and a raw stream', async () => {
    const reply = await bothSockets(async (socket) => {
      const id = await newExec(['echo', 'raw']);
      const json = ['Content-Type: application/json'];
      return withoutTimes(await exchange(socket, message(`POST /exec/${id}/start`, json, ATTACHED)));
    });
    assert.match(reply, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(reply, /raw\n$/);
  });

  test('one that is refused gets the engine words, and the next call works', async () => {
    const refused = await bothSockets(async (socket) => {
      const connection = await RawConnection.open(socket);
      try {
        connection.write(message('POST /v1.41/exec/missing/start', UPGRADE, ATTACHED));
        const reply = (await connection.until('missing"}\n')).toString('latin1');
        return [reply.split('\r\n')[0], reply.split('\r\n\r\n')[1]];
      } finally {
        connection.destroy();
      }
    });
    assert.deepEqual(refused, ['HTTP/1.1 404 Not Found', '{"message":"No such exec instance: missing"}\n']);
    assert.equal((await requestOverSocket(coffer.gatewaySocket, { path: '/_ping' })).text, 'OK');
  });

  test('a call that hides behind one that is refused does not reach the engine unseen', async () => {
    const create = JSON.stringify({ Name: 'hidden', Data: Buffer.from('a hidden value').toString('base64') });
    const bytes =
      message('POST /v1.41/exec/missing/start', UPGRADE, ATTACHED) +
      message('POST /v1.41/secrets/create', ['Content-Type: application/json'], create);
    await exchange(coffer.gatewaySocket, bytes, { shutDown: true });
    const listed = await requestOverSocket(engine.socket, { path: '/secrets' });
    const secrets = listed.json() as readonly {
      readonly Spec: { readonly Name: string; readonly Driver?: object };
    }[];
    assert.deepEqual(
      secrets.filter(({ Spec }) => Spec.Name === 'hidden' && Spec.Driver === undefined),
      [],
    );
  });
});

describe('Expect: 100-continue', () => {
  const EXPECT = 'Expect: 100-continue';

  /** Sends the body only when it is asked for, as curl does with more than a megabyte. */
  async function whenAsked(
    socket: string,
    start: string,
    headers: readonly string[],
    body: Buffer,
  ): Promise<string> {
    const connection = await RawConnection.open(socket);
    try {
      connection.write(
        message(start, [...headers, EXPECT, 'Connection: close', `Content-Length: ${body.length}`]),
      );
      await connection.until('HTTP/1.1 100 Continue\r\n\r\n');
      connection.write(body);
      return withoutTimes(await connection.untilOver());
    } finally {
      connection.destroy();
    }
  }

  test('the engine asks for the body of a call that passes through', async () => {
    const archive = (await engine.docker(['cp', `${container}:/bin/busybox`, '-'])).stdoutBytes;
    const reply = await bothSockets(async (socket) => {
      const tar = ['Content-Type: application/x-tar'];
      return whenAsked(socket, `PUT /v1.41/containers/${container}/archive?path=/tmp`, tar, archive);
    });
    assert.match(reply, /HTTP\/1\.1 200 OK/);
    const { stdout } = await engine.docker(['exec', container, 'ls', '/tmp']);
    assert.match(stdout, /busybox/);
  });

  test('a call that the engine refuses at once is answered without its body', async () => {
    await bothSockets(async (socket) => {
      const connection = await RawConnection.open(socket);
      try {
        connection.write(
          message('PUT /containers/nobody/archive?path=/', [EXPECT, 'Content-Length: 3000000']),
        );
        const reply = await connection.until('No such container');
        return withoutTimes(reply).split('\r\n')[0];
      } finally {
        connection.destroy();
      }
    });
  });

  test('coffer asks for the body of a call that is its own', async () => {
    const body = JSON.stringify({ Name: 'expected', Data: Buffer.alloc(400_000, 7).toString('base64') });
    const json = ['Content-Type: application/json'];
    const reply = await whenAsked(coffer.gatewaySocket, 'POST /secrets/create', json, Buffer.from(body));
    assert.match(reply, /HTTP\/1\.1 201 Created\r\n/);
  });
});

describe('what is not plain HTTP/1.1 with one header of each name', () => {
  test('the preface of HTTP/2 reaches the engine, whose answer comes back', async () => {
    const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    const preface = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), settings]);
    const reply = await bothSockets(async (socket) =>
      withoutTimes(await exchange(socket, preface, { shutDown: true })),
    );
    assert.notEqual(reply, '');
    const byteByByte = await RawConnection.open(coffer.gatewaySocket);
    for (const byte of preface.subarray(0, 24)) {
      await byteByByte.writeAll(Buffer.of(byte));
    }
    byteByByte.shutDown();
    assert.equal(withoutTimes(await byteByByte.untilOver()), reply);
    byteByByte.destroy();
  });

  test('a session keeps every one of its repeated headers, and turns into HTTP/2', async () => {
    const methods = Array.from(
      { length: 60 },
      (_, number) => `X-Docker-Expose-Session-Grpc-Method: /m.${number}/Call`,
    );
    const reply = await bothSockets(async (socket) => {
      const uuid = `X-Docker-Expose-Session-Uuid: ${randomUUID()}`;
      const headers = ['Connection: Upgrade', 'Upgrade: h2c', uuid, ...methods];
      const connection = await RawConnection.open(socket);
      try {
        connection.write(message('POST /session', headers));
        return withoutTimes(await connection.until('SM\r\n\r\n')).split('SM\r\n\r\n')[0];
      } finally {
        connection.destroy();
      }
    });
    assert.match(reply ?? '', /^HTTP\/1\.1 101 [^]*PRI \* HTTP\/2\.0\r\n\r\n$/);
  });

  test('a head of half a megabyte, which a registry login may need, passes', async () => {
    const login = `X-Registry-Auth: ${'QUJD'.repeat(128 * 1024)}`;
    const reply = await bothSockets(async (socket) =>
      withoutTimes(await exchange(socket, message('GET /_ping', [login, 'Connection: close']))),
    );
    assert.match(reply, /^HTTP\/1\.1 200 OK/);
  });

  test('calls of one connection are answered in turn, coffer and engine mixed', async () => {
    const calls = [
      message('GET /_ping'),
      message('GET /v1.41/secrets'),
      message('GET /v1.41/nowhere'),
      message('HEAD /_ping'),
      message('GET /v1.41/secrets/missing'),
      message('GET /_ping', ['Connection: close']),
    ];
    const statuses = await bothSockets(async (socket) => {
      const reply = (await exchange(socket, calls.join(''))).toString('latin1');
      return reply.match(/HTTP\/1\.1 \d+/g)?.map((line) => Number(line.slice(9)));
    });
    assert.deepEqual(statuses, [200, 200, 404, 200, 404, 200]);
  });

  test('a large body that the engine refuses early still gets its answer', async () => {
    for (let round = 0; round < 10; round += 1) {
      const status = await bothSockets(async (socket) => {
        const connection = await RawConnection.open(socket);
        try {
          connection.write(message('PUT /containers/nobody/archive?path=/', ['Content-Length: 8000000']));
          for (let sent = 0; sent < 8_000_000 && !connection.isOver; sent += 100_000) {
            connection.write(Buffer.alloc(100_000));
            await setImmediate();
          }
          return (await connection.until('\r\n')).toString('latin1').split('\r\n')[0];
        } finally {
          connection.destroy();
        }
      });
      assert.equal(status, 'HTTP/1.1 404 Not Found');
    }
  });

  test('a client that shuts its sending side behind its call gets the answer and the end', async () => {
    const create = JSON.stringify({ Name: 'bad name!', Data: 'eA==' });
    const json = ['Content-Type: application/json'];
    const calls = [
      message('GET /_ping'),
      message('GET /v1.41/secrets/missing'),
      message('POST /v1.41/secrets/create', json, create),
    ];
    for (const bytes of calls) {
      const reply = await bothSockets(async (socket) =>
        withoutTimes(await exchange(socket, bytes, { shutDown: true, timeout_ms: 5_000 })).replace(
          /^Connection: close\r\n/m,
          '',
        ),
      );
      assert.match(reply, /^HTTP\/1\.1 \d{3} /);
    }
  });

  test('of clients that shut their sending side and then leave, nothing stays', async () => {
    const before_ = openSockets(coffer.pid);
    for (let number = 0; number < 50; number += 1) {
      const connection = await RawConnection.open(coffer.gatewaySocket);
      connection.write(message('GET /_ping'));
      connection.shutDown();
      await connection.until('OK');
      connection.destroy();
    }
    await waitFor(() => openSockets(coffer.pid) <= before_ + 5, {
      what: 'the connections of 50 clients to be closed',
      timeout_ms: 5_000,
    });
  });

  test('a body in chunks, with the end of the connection as the only end of a reply to HTTP/1.0', async () => {
    const body = `5\r\n{"Nam\r\n14\r\ne":"chunked-volume"}\r\n0\r\n\r\n`;
    const chunked = ['Content-Type: application/json', 'Transfer-Encoding: chunked', 'Connection: close'];
    const reply = await bothSockets(async (socket) =>
      withoutTimes(await exchange(socket, message('POST /volumes/create', chunked) + body)),
    );
    assert.match(reply, /^HTTP\/1\.1 201 Created/);
    const old = await bothSockets(
      async (socket) =>
        withoutTimes(await exchange(socket, 'GET /_ping HTTP/1.0\r\n\r\n')).split('\r\n\r\n')[1],
    );
    assert.equal(old, 'OK');
  });

  test('every plain call has the same head and body through the gateway', async () => {
    const calls = [
      'GET /_ping',
      'HEAD /_ping',
      'GET /version',
      'GET /v1.41/containers/json',
      'GET /v1.99/containers/json',
      'GET /v1.41/secrets/missing',
      'GET /v1.41/swarm',
      'GET /v1.41/nodes',
      `GET /v1.41/containers/${'x'.repeat(300)}/json`,
      'DELETE /v1.41/containers/nobody',
      'OPTIONS /_ping',
      'POST /v1.41/containers/nobody/kill',
      'PATCH /_ping',
      'GET /secrets/',
      'PUT /secrets/create',
      'GET /v1.41/containers/a%2Fb/json',
    ];
    for (const call of calls) {
      await bothSockets(async (socket) =>
        withoutTimes(await exchange(socket, message(call, ['Connection: close']))).replace(/"NetIO.*/, ''),
      );
    }
  });
});
