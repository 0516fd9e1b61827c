// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import type { Refusal } from '../../../src/control/index.ts';
import {
  codeOf,
  controlServer,
  type Harness,
  send,
  sendRaw,
  STATUS,
  withControl,
} from './control-harness.ts';

async function assertAlive(harness: Harness): Promise<void> {
  assert.equal((await send(harness, 'GET', '/v1/status')).status, 200);
}

test('the daemon tells its status, its refusals newest first, and its checks', async () => {
  const refusal = (at_ms: number, service: string): Refusal => ({
    kind: 'secret',
    at_ms,
    service,
    task: 't',
    secret: 's',
    code: 'secret.not-found',
    message: 'secret s not found',
  });
  const checks = [{ name: 'store', level: 'ok', message: 'the store serves' }] as const;
  const mount: Refusal = {
    kind: 'volume',
    at_ms: 4,
    volume: 'certs',
    users: ['web'],
    code: 'volume.refused',
    message: 'no',
  };
  const refusals = () => [refusal(1, 'web'), refusal(3, 'web'), mount, refusal(2, 'api')];
  await withControl({ refusals, doctor: () => checks }, async (harness) => {
    assert.deepEqual((await send(harness, 'GET', '/v1/status')).json, STATUS);
    assert.deepEqual((await send(harness, 'GET', '/v1/doctor')).json, { checks });
    const times = async (query: string) => {
      const { json } = await send(harness, 'GET', `/v1/refusals${query}`);
      return (json as { refusals: Refusal[] }).refusals.map(({ at_ms }) => at_ms);
    };
    assert.deepEqual(await times(''), [4, 3, 2, 1]);
    assert.deepEqual(await times('?name=web'), [4, 3, 1]);
    assert.deepEqual(await times('?name=certs'), [4]);
    assert.deepEqual(await times('?name=none'), []);
  });
});

test('the socket is for its owner alone, and gone after close', async () => {
  await withControl({}, async ({ server, socketPath, directory }) => {
    assert.equal(statSync(socketPath).mode & 0o777, 0o600);
    await server.close();
    assert.equal(existsSync(socketPath), false);
    assert.deepEqual(readdirSync(directory), []);
  });
});

test('a socket that nobody serves gives way; one that is served, and a file, do not', async () => {
  await withControl({}, async (harness) => {
    const second = controlServer(harness.store);
    try {
      await assert.rejects(second.listen(harness.socketPath), { code: 'store.in-use' });
      await assertAlive(harness);
      const file = path.join(harness.directory, 'file');
      writeFileSync(file, 'kept');
      await assert.rejects(second.listen(file), { code: 'settings.invalid' });
      await assert.rejects(second.listen(path.join(harness.directory, 'x'.repeat(120))), {
        code: 'settings.invalid',
      });
      const stale = path.join(harness.directory, 'stale.sock');
      const dead = createServer();
      await new Promise<void>((resolve) => dead.listen(`${stale}.old`, resolve));
      renameSync(`${stale}.old`, stale);
      await new Promise((resolve) => dead.close(resolve));
      await second.listen(stale);
      await assertAlive({ ...harness, socketPath: stale });
    } finally {
      await second.close();
    }
  });
});

test('an unknown path, a wrong method and an unknown parameter get one clear sentence each', async () => {
  await withControl({}, async (harness) => {
    const cases = [
      ['GET', '/', 404, 'request.not-found'],
      ['GET', '/v2/status', 404, 'request.not-found'],
      ['GET', '/V1/STATUS', 404, 'request.not-found'],
      ['GET', '/v1/secrets/a/b/c', 404, 'request.not-found'],
      ['GET', '/v1/secrets/%zz', 400, 'request.invalid'],
      ['POST', '/v1/status', 405, 'request.method'],
      ['DELETE', '/v1/secrets', 405, 'request.method'],
      ['PATCH', '/v1/secrets/s', 405, 'request.method'],
      ['GET', '/v1/secrets/s/generate', 405, 'request.method'],
      ['GET', '/v1/secrets?filter=x', 400, 'request.invalid'],
      ['GET', '/v1/refusals?name=a&name=b', 400, 'request.invalid'],
      ['PUT', '/v1/secrets/s?expcet=absent', 400, 'request.invalid'],
      ['PUT', '/v1/secrets/s?expect=-1', 400, 'request.invalid'],
      ['PUT', '/v1/secrets/s?expect=1&expect=2', 400, 'request.invalid'],
      ['PUT', '/v1/secrets/s?request=1', 400, 'request.invalid'],
      ['PUT', `/v1/secrets/s?request=${'A'.repeat(32)}`, 400, 'request.invalid'],
      ['PUT', '/v1/secrets/s?label=novalue', 400, 'request.invalid'],
      ['PUT', '/v1/secrets/-bad-', 400, 'secret.name-invalid'],
      [`PUT`, `/v1/secrets/${'x'.repeat(65)}`, 400, 'secret.name-invalid'],
      ['DELETE', '/v1/secrets/s?force=yes', 400, 'request.invalid'],
    ] as const;
    for (const [method, target, status, code] of cases) {
      const reply = await send(harness, method, target, method === 'PUT' ? Buffer.from('x') : undefined);
      assert.equal(reply.status, status, `${method} ${target}`);
      assert.equal(codeOf(reply), code, `${method} ${target}`);
      assert.equal(typeof (reply.json as { message: unknown }).message, 'string');
    }
    const wrongMethod = await send(harness, 'PATCH', '/v1/secrets/s');
    assert.equal(wrongMethod.headers['allow'], 'GET, PUT, DELETE');
    assert.equal(harness.store.list().length, 0);
    await assertAlive(harness);
  });
});

test('a body that is not plain bytes is refused', async () => {
  await withControl({}, async (harness) => {
    const headers = [{ 'content-type': 'application/json' }, { 'content-encoding': 'gzip' }];
    for (const header of headers) {
      const reply = await send(harness, 'PUT', '/v1/secrets/s', Buffer.from('{}'), header);
      assert.equal(codeOf(reply), 'request.invalid');
    }
    assert.equal(harness.store.list().length, 0);
  });
});

test('ten megabytes are refused, the reason arrives, and the next call works', async () => {
  await withControl({}, async (harness) => {
    const large = Buffer.alloc(10_000_000);
    const announced = await send(harness, 'PUT', '/v1/secrets/s', large);
    assert.equal(codeOf(announced), 'request.too-large');
    const chunked = await send(harness, 'PUT', '/v1/secrets/s', large, { 'transfer-encoding': 'chunked' });
    assert.equal(codeOf(chunked), 'request.too-large');
    assert.equal((await send(harness, 'GET', '/v1/status', large)).status, 200);
    await assertAlive(harness);
  });
});

test('bytes that are no HTTP, a giant head and an odd request line end with an answer in JSON', async () => {
  await withControl({}, async (harness) => {
    const garbage = await sendRaw(harness, '\u0000\u0001\u0002 not http\r\n\r\n');
    assert.match(garbage, /^HTTP\/1\.1 400 [^]*"code":"request\.invalid"/);
    const head = await sendRaw(
      harness,
      `GET /v1/status HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(200_000)}\r\n\r\n`,
    );
    assert.match(head, /^HTTP\/1\.1 413 [^]*"code":"request\.too-large"/);
    const lengths = await sendRaw(
      harness,
      'PUT /v1/secrets/s HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc',
    );
    assert.match(lengths, /^HTTP\/1\.1 400 /);
    assert.equal(await sendRaw(harness, 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n'), '');
    const upgrade =
      'GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n';
    assert.match(await sendRaw(harness, upgrade), /^HTTP\/1\.1 200 /);
    await assertAlive(harness);
  });
});

test('a client that is slow with its head or body is told so and cut', { timeout: 20_000 }, async () => {
  const limits = { headersTimeout_ms: 100, requestTimeout_ms: 200, checkInterval_ms: 20 };
  await withControl({ limits }, async (harness) => {
    assert.match(
      await sendRaw(harness, 'GET /v1/status HTT'),
      /"message":"the request did not arrive in time"/,
    );
    const put = 'PUT /v1/secrets/s HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n';
    assert.match(await sendRaw(harness, put, 'abc'), /"message":"the request did not arrive in time"/);
    await sendRaw(harness);
    assert.equal(harness.store.list().length, 0);
    await assertAlive(harness);
  });
});

test('a client that leaves in the middle of its body leaves nothing behind', async () => {
  await withControl({}, async (harness) => {
    await new Promise<void>((resolve) => {
      const socket = connect(harness.socketPath, () => {
        socket.write('PUT /v1/secrets/s HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc', () =>
          socket.destroy(),
        );
      });
      socket.once('close', () => resolve());
    });
    await assertAlive(harness);
    assert.equal(harness.store.list().length, 0);
  });
});

test('what a part of the daemon throws does not leave the process, nor its words the daemon', async () => {
  const broken = () => {
    throw new TypeError('hunter2');
  };
  await withControl({ status: broken, doctor: broken, refusals: broken, users: broken }, async (harness) => {
    await send(harness, 'PUT', '/v1/secrets/s', Buffer.from('x'));
    const requests = [
      ['GET', '/v1/status'],
      ['GET', '/v1/doctor'],
      ['GET', '/v1/refusals'],
      ['DELETE', '/v1/secrets/s'],
    ] as const;
    for (const [method, target] of requests) {
      const reply = await send(harness, method, target);
      assert.equal(reply.status, 500, target);
      assert.equal(codeOf(reply), 'internal.unexpected');
      assert.ok(!reply.text.includes('hunter2'));
    }
    assert.equal((await send(harness, 'GET', '/v1/secrets')).status, 200);
  });
});

test('close cuts a client that will not end', { timeout: 20_000 }, async () => {
  await withControl({}, async (harness) => {
    const slow = sendRaw(harness, 'PUT /v1/secrets/s HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc');
    await assertAlive(harness);
    await harness.server.close();
    await slow;
  });
});
