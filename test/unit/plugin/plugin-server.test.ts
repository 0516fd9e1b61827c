// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { VALUE_BYTES_MAX } from '../../../src/secrets/index.ts';
import { requestOverSocket } from '../../support/socket-request.ts';
import { type Answer, type PluginHarness, post, withPlugin } from './plugin-harness.ts';

async function stillServes({ put, getSecret }: PluginHarness): Promise<void> {
  await put('alive', 'yes');
  assert.equal((await getSecret({ SecretName: 'alive' })).Value, Buffer.from('yes').toString('base64'));
}

test('activation names the one capability, as the engine compares it to the letter', async () => {
  await withPlugin(async ({ socket }) => {
    const reply = await requestOverSocket(socket, { path: '/Plugin.Activate', method: 'POST' });
    assert.equal(reply.status, 200);
    assert.deepEqual(reply.json(), { Implements: ['secretprovider'] });
  });
});

test('the Host header may be empty, as Docker 20.10 sends it, or missing', async () => {
  await withPlugin(async ({ socket, put }) => {
    await put('s', 'v');
    const body = '{"SecretName":"s"}\n';
    for (const host of ['Host: \r\n', 'Host: plugin.moby.localhost\r\n', '']) {
      const connection = connect(socket);
      connection.write(
        `POST /SecretProvider.GetSecret HTTP/1.1\r\n${host}Content-Length: ${body.length}\r\n\r\n${body}`,
      );
      const [data] = (await once(connection, 'data')) as [Buffer];
      connection.destroy();
      assert.match(data.toString(), /^HTTP\/1.1 200 .*"Value":"dg=="/s);
    }
  });
});

const HOSTILE_BODIES: readonly (readonly [string, string | Uint8Array])[] = [
  ['an empty body', ''],
  ['no JSON', '{oops'],
  ['JSON that is not an object', '[1,2,3]'],
  ['null', 'null'],
  ['no name', '{}'],
  ['an empty name', '{"SecretName":""}'],
  ['a name of another type', '{"SecretName":7}'],
  ['labels of another type', '{"SecretName":"a","SecretLabels":{"b":{}}}'],
  ['a name that is none', '{"SecretName":"../../etc/shadow"}'],
  ['a name with a newline', '{"SecretName":"a\\nb"}'],
  ['deep nesting', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
  ['deep nesting in a list', '['.repeat(1_000_000)],
  ['bytes that are no UTF-8', Buffer.from([0xff, 0xfe, 0x00])],
  ['ten megabytes', Buffer.alloc(10 * 1024 * 1024, 'a')],
  ['a prototype', '{"SecretName":"a","__proto__":{"SecretName":"b"},"SecretLabels":{"__proto__":"x"}}'],
];

for (const [what, body] of HOSTILE_BODIES) {
  test(`${what} is answered with a sentence, and the next call works`, async () => {
    await withPlugin(async (harness) => {
      const reply = await post(harness.socket, body);
      assert.equal(reply.status, 200);
      const { Err, Value } = reply.json() as Answer;
      assert.equal(Value, undefined);
      assert.match(Err ?? '', /^\[(request|secret)\.[a-z-]+\] [^\n]{10,300}$/);
      await stillServes(harness);
    });
  });
}

test('a wrong method and an unknown call are told apart, with a reason', async () => {
  await withPlugin(async (harness) => {
    const get = await requestOverSocket(harness.socket, { path: '/SecretProvider.GetSecret' });
    assert.equal(get.status, 405);
    assert.match((get.json() as Answer).Err ?? '', /GET is not a method of this call; use POST/);
    const unknown = await requestOverSocket(harness.socket, { path: '/VolumeDriver.List', method: 'POST' });
    assert.equal(unknown.status, 404);
    assert.match((unknown.json() as Answer).Err ?? '', /no plugin call \/VolumeDriver.List/);
    await stillServes(harness);
  });
});

test('a caller that does not finish its request is answered after a second, and cut off', async () => {
  await withPlugin(async (harness) => {
    const connection = connect(harness.socket);
    connection.write(
      'POST /SecretProvider.GetSecret HTTP/1.1\r\nHost: \r\nContent-Length: 100\r\n\r\n{"Secret',
    );
    const closed = once(connection, 'close');
    const [data] = (await once(connection, 'data')) as [Buffer];
    assert.match(data.toString(), /the request was not complete after 1000 ms/);
    await closed;
    await stillServes(harness);
  });
});

test('a caller that breaks off leaves no trace', async () => {
  await withPlugin(async (harness) => {
    for (let round = 0; round < 20; round += 1) {
      const connection = connect(harness.socket);
      connection.write('POST /SecretProvider.GetSecret HTTP/1.1\r\nHost: \r\nContent-Length: 100\r\n\r\n{');
      await once(connection, 'connect');
      connection.destroy();
    }
    await stillServes(harness);
  });
});

test('an idle connection is kept open, and carries the next call', async (context) => {
  // Node's own default closes an idle connection after five seconds: an engine would repeat its call without a body.
  await withPlugin(async ({ socket, put }) => {
    await put('s', 'v');
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    context.after(() => agent.destroy());
    const ports = new Set<unknown>();
    const call = (): Promise<string | undefined> =>
      new Promise((resolve, reject) => {
        const outgoing = request(
          { socketPath: socket, path: '/SecretProvider.GetSecret', method: 'POST', agent },
          (reply) => {
            reply.resume();
            reply.on('end', () => resolve(reply.headers.connection));
          },
        );
        outgoing.on('socket', (used) => ports.add(used));
        outgoing.on('error', reject);
        outgoing.end('{"SecretName":"s"}');
      });
    assert.equal(await call(), 'keep-alive');
    assert.equal(await call(), 'keep-alive');
    assert.equal(ports.size, 1);
  });
});

/**
 * What the engine makes of an answer (measured on Docker 20.10, and the same in the source up to 29): it takes a
 * value of 1 to 511,999 bytes in standard base64, and fails the task for anything else. So coffer never sends
 * anything else, but for a refusal that is meant.
 */
test('every answer is either a value that the engine takes, or a refusal that it understands', async () => {
  await withPlugin(async ({ socket, put }) => {
    await put('smallest', Buffer.of(0));
    await put('largest', Buffer.alloc(VALUE_BYTES_MAX, 0xa5));
    for (const [name, size] of [
      ['smallest', 1],
      ['largest', VALUE_BYTES_MAX],
    ] as const) {
      const reply = await post(socket, JSON.stringify({ SecretName: name }));
      assert.equal(reply.status, 200);
      assert.equal(Number(reply.headers['content-length']), reply.bytes.length);
      const { Value = '', Err, DoNotReuse } = reply.json() as Answer;
      assert.equal(Err, undefined, 'an Err beside a value would win over it');
      assert.equal(DoNotReuse, true);
      const value = Buffer.from(Value, 'base64');
      assert.equal(value.toString('base64'), Value, 'the standard alphabet, with padding');
      assert.equal(value.length, size);
    }
    const refused = await post(socket, JSON.stringify({ SecretName: 'nowhere' }));
    assert.equal(refused.status, 200, 'an answer with status 200 is not tried again');
    assert.deepEqual(Object.keys(refused.json() as Answer), ['Err']);
  });
});

test('a value of no byte or of 512,000 is refused when it is written, not when a task waits for it', async () => {
  await withPlugin(async ({ put, getSecret }) => {
    for (const size of [0, VALUE_BYTES_MAX + 1]) {
      await assert.rejects(put('s', Buffer.alloc(size)), /secret.value-size.*1 to 511999 bytes/);
    }
    assert.match((await getSecret({ SecretName: 's' })).Err ?? '', /secret.not-found/);
  });
});
