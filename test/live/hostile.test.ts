// SPDX-License-Identifier: Apache-2.0
// What no well-behaved client sends, to each of the daemon's sockets: a clear error, or none when nothing was asked;
// the process lives, holds no more than before, and the next call works.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { type Coffer, startCoffer } from '../support/coffer.ts';
import { storeServes } from '../support/crash-load.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { isAlive, memoryGrowthDuring, openSockets, residentMemory } from '../support/process-status.ts';
import { exchange, RawConnection } from '../support/raw-connection.ts';
import { callControl, createThroughGateway, getSecret, valueIn } from '../support/secret-calls.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { requestOverSocket } from '../support/socket-request.ts';
import { waitFor } from '../support/wait-for.ts';

const MIB = 1024 * 1024;
/** What coffer may hold beyond its size at rest, whatever is sent. */
const growth_bytes_max = 150 * MIB;
const IDLE_CONNECTIONS = 500;

/** A socket, the call on it that takes a body, and how it refuses one. */
interface Target {
  readonly name: string;
  readonly socket: () => string;
  readonly method: string;
  readonly path: string;
  readonly contentType: string;
  /** The error in a refusal of this socket; throws when there is none. */
  readonly errorIn: (text: string) => string;
}

let engine: Engine;
let coffer: Coffer;
let pid: number;

const field = (name: string) => (text: string) => {
  const error = (JSON.parse(text) as Readonly<Record<string, unknown>>)[name];
  assert.ok(typeof error === 'string' && error !== '', text);
  return error;
};

const targets: readonly Target[] = [
  {
    name: 'the plugin socket',
    socket: () => coffer.pluginSocket,
    method: 'POST',
    path: '/SecretProvider.GetSecret',
    contentType: 'application/json',
    errorIn: field('Err'),
  },
  {
    name: 'the gateway',
    socket: () => coffer.gatewaySocket,
    method: 'POST',
    path: '/v1.41/secrets/create',
    contentType: 'application/json',
    errorIn: field('message'),
  },
  {
    name: 'the control socket',
    socket: () => coffer.controlSocket,
    method: 'PUT',
    path: '/v1/secrets/hostile',
    contentType: 'application/octet-stream',
    errorIn: field('message'),
  },
];

before(async () => {
  engine = await startEngine({ name: 'hostile' });
  await engine.swarmInit();
  coffer = await startCoffer({ engine, env: { COFFER_LOG_LEVEL: 'info' } });
  await storeServes(coffer);
  pid = coffer.pid;
  assert.equal((await createThroughGateway(coffer, 'good', Buffer.from('a good value'))).status, 201);
});
after(async () => {
  await coffer?.stop();
  await engine?.stop();
});
afterEach(stillServes);

/** The process that met it all still gives, on each socket, what it should. */
async function stillServes(): Promise<void> {
  assert.ok(isAlive(pid), 'the daemon lives');
  assert.equal(coffer.pid, pid);
  const value = valueIn(await getSecret(coffer, { secret: 'good', task: 'task' }));
  assert.equal(value.toString(), 'a good value');
  assert.equal((await requestOverSocket(coffer.gatewaySocket, { path: '/v1.41/secrets/good' })).status, 200);
  assert.equal((await callControl(coffer, 'GET', '/v1/secrets/good')).status, 200);
}

async function call(
  target: Target,
  body: string | Uint8Array,
  overrides: { readonly method?: string; readonly path?: string; readonly contentType?: string } = {},
): Promise<{ readonly status: number; readonly text: string }> {
  return requestOverSocket(target.socket(), {
    method: overrides.method ?? target.method,
    path: overrides.path ?? target.path,
    headers: { 'content-type': overrides.contentType ?? target.contentType, host: 'docker' },
    body,
    timeout_ms: 15_000,
  });
}

/** A refusal: on the plugin socket one with status 200 counts too, since engines take `Err` from those. */
async function refuses(target: Target, ...args: [Parameters<typeof call>[1], Parameters<typeof call>[2]?]) {
  const { status, text } = await call(target, ...args);
  const error = target.errorIn(text);
  assert.ok(status >= 400 || target.path.startsWith('/SecretProvider'), `${status} ${text}`);
  assert.ok(error.length < 500 && !/\bat \S+ \(|node:internal/.test(error), `one clear sentence: ${error}`);
  return error;
}

function head(target: Target, headers: readonly string[]): string {
  const lines = [
    `${target.method} ${target.path} HTTP/1.1`,
    'Host: docker',
    `Content-Type: ${target.contentType}`,
  ];
  return `${[...lines, ...headers].join('\r\n')}\r\n\r\n`;
}

function nested(depth: number): string {
  return '{"SecretLabels":'.repeat(depth) + '1' + '}'.repeat(depth);
}

for (const target of targets) {
  const takesJson = target.contentType === 'application/json';
  describe(target.name, () => {
    test('refuses an empty body', async () => {
      await refuses(target, '');
      const empty = await exchange(target.socket(), head(target, ['Content-Length: 0', 'Connection: close']));
      assert.match(empty.toString(), /^HTTP\/1\.1 \d{3} [^]*\{.*\}/);
    });

    // The control socket takes the bytes of a value, whatever they are.
    if (takesJson) {
      test('refuses what is not JSON, is JSON of another shape, or is nested deeply', async () => {
        const bodies = [
          'this is not JSON',
          '{"Name":"x","Data":"eA=="',
          '[]',
          'null',
          '7',
          '"text"',
          '{"SecretName":7,"Name":7}',
          '{"SecretName":{"a":1},"Name":{"a":1}}',
          '{"SecretName":"good","SecretLabels":"text","Name":"x","Labels":"text","Data":"eA=="}',
          '{"SecretName":"good","SecretLabels":{"coffer.version":7},"Name":"x","Labels":{"a":7},"Data":"eA=="}',
          '{"SecretName":"__proto__","Name":"__proto__","Data":"eA=="}',
          '{"SecretName":"../../etc/shadow","Name":"../../etc/shadow","Data":"eA=="}',
          '{"__proto__":{"SecretName":"good"},"constructor":{"prototype":{"Name":"x"}}}',
          Buffer.from([0xff, 0xfe, 0x00, 0x7b, 0x80]),
          nested(100_000),
          '['.repeat(1_000_000),
          `{"SecretName":"good${'x'.repeat(1_000_000)}","Name":"${'x'.repeat(1_000_000)}","Data":"eA=="}`,
        ];
        for (const body of bodies) {
          await refuses(target, body).catch((error: unknown) => {
            throw new Error(`after ${body.toString().slice(0, 80)}`, { cause: error });
          });
        }
      });

      test('takes no notice of fields that it does not know', async () => {
        const more = {
          Unknown: [1, { deep: nested(50) }],
          'coffer.evil': true,
          ServiceEndpointSpec: { Extra: 1 },
        };
        const known = {
          SecretName: 'good',
          TaskID: 't',
          Name: `extra-${Date.now()}`,
          Data: 'eA==',
          Labels: {},
        };
        const { status, text } = await call(target, JSON.stringify({ ...more, ...known }));
        assert.ok(status === 200 || status === 201, text);
        assert.ok(!text.includes('"Err"'), text);
      });
    }

    test('refuses a body of 10 MB, announced or not, and holds little of it', async () => {
      const growth = await memoryGrowthDuring(pid, async () => {
        for (let round = 0; round < 5; round += 1) {
          await refuses(target, Buffer.alloc(10_000_000, 'a'));
          const chunk = `${(1_000_000).toString(16)}\r\n${'a'.repeat(1_000_000)}\r\n`;
          const connection = await RawConnection.open(target.socket());
          connection.write(head(target, ['Transfer-Encoding: chunked', 'Connection: close']));
          for (let sent = 0; sent < 10 && !connection.isOver; sent += 1) {
            connection.write(chunk);
          }
          connection.write('0\r\n\r\n');
          const reply = (await connection.untilOver(15_000)).toString();
          connection.destroy();
          assert.match(reply, /^HTTP\/1\.1 (4\d\d|500|200) /);
        }
      });
      assert.ok(growth < growth_bytes_max, `it grew by ${Math.round(growth / MIB)} MiB`);
    });

    /** What the gateway does not know is the engine's to answer, and gets its answer. */
    const statusOf = async (start: string): Promise<string | undefined> => {
      const bytes = `${start} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n`;
      const statusIn = async (socket: string): Promise<string | undefined> =>
        /^HTTP\/1\.1 (\d{3}) /.exec((await exchange(socket, bytes)).toString('latin1'))?.[1];
      const status = await statusIn(target.socket());
      if (target.socket() === coffer.gatewaySocket) {
        assert.equal(status, await statusIn(engine.socket), start);
        return '400';
      }
      return status;
    };

    test('refuses other methods', async () => {
      for (const method of ['GET', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND']) {
        const path = target.path === '/v1/secrets/hostile' ? '/v1/secrets/hostile/generate' : target.path;
        assert.match((await statusOf(`${method} ${path}`)) ?? '', /^4\d\d$/, method);
      }
    });

    test('answers paths that are not there or make no sense', async () => {
      const long = `/${'x'.repeat(10_000)}`;
      const odd = [
        '/',
        '/nowhere',
        '//',
        '/%',
        '/%00',
        '/../../etc/passwd',
        '/v1/secrets/%ff',
        '*',
        '/?a=%zz',
      ];
      for (const path of [...odd, long]) {
        assert.match((await statusOf(`GET ${path}`)) ?? '', /^4\d\d$/, path);
      }
    });

    test('survives bytes that are no HTTP', async (t) => {
      const random = new SeededRandom();
      t.diagnostic(random.description);
      for (let round = 0; round < 60; round += 1) {
        const bytes =
          round % 3 === 0
            ? random.bytes(1 + random.below(3_000))
            : mangled(Buffer.from(head(target, ['Content-Length: 20']) + '{"SecretName":"good"'), random);
        const connection = await RawConnection.open(target.socket());
        connection.write(bytes);
        connection.shutDown();
        // Refused, answered, or closed: all the same, as long as it ends.
        await connection.untilOver(15_000).catch((error: unknown) => {
          throw new Error(`${JSON.stringify(bytes.toString('latin1'))} (${random.description})`, {
            cause: error,
          });
        });
        connection.destroy();
      }
    });

    test('refuses a head of 4 MB', async () => {
      const connection = await RawConnection.open(target.socket());
      const growth = await memoryGrowthDuring(pid, async () => {
        connection.write(`${target.method} ${target.path} HTTP/1.1\r\nHost: docker\r\n`);
        for (let sent = 0; sent < 4 && !connection.isOver; sent += 1) {
          connection.write(`X-${sent}: ${'a'.repeat(MIB)}\r\n`);
        }
        const reply = await connection.untilOver();
        assert.match(reply.toString('latin1'), /^(HTTP\/1\.1 4\d\d |$)/);
      });
      connection.destroy();
      assert.ok(growth < growth_bytes_max, `it grew by ${Math.round(growth / MIB)} MiB`);
    });

    test('survives a body that ends before it should', async () => {
      for (const ending of ['shut down', 'cut'] as const) {
        const connection = await RawConnection.open(target.socket());
        await connection.writeAll(`${head(target, ['Content-Length: 1000'])}{"SecretName":"go`);
        if (ending === 'cut') {
          connection.destroy();
        } else {
          connection.shutDown();
          await connection.untilOver();
          connection.destroy();
        }
      }
      const { text } = await callControl(coffer, 'GET', '/v1/secrets');
      assert.ok(!text.includes('"hostile"'), 'half a value is not stored');
    });

    test('serves others while twenty clients send one byte now and then, and never finish', async () => {
      const bytes = Buffer.from(`${head(target, ['Content-Length: 1000'])}{"SecretName":`);
      const slow = await Promise.all(
        Array.from({ length: 20 }, async () => RawConnection.open(target.socket())),
      );
      try {
        for (let offset = 0; offset < bytes.length; offset += 1) {
          for (const connection of slow) {
            connection.write(bytes.subarray(offset, offset + 1));
          }
          if (offset % 40 === 0) {
            await stillServes();
          }
        }
        const startedAt = performance.now();
        await stillServes();
        assert.ok(performance.now() - startedAt < 2_000, 'the others do not wait');
      } finally {
        for (const connection of slow) {
          connection.destroy();
        }
      }
    });

    test(`serves others beside ${IDLE_CONNECTIONS} connections that say nothing, and forgets them`, async () => {
      const before_ = openSockets(pid);
      const idle: RawConnection[] = [];
      try {
        for (let number = 0; number < IDLE_CONNECTIONS; number += 1) {
          idle.push(await RawConnection.open(target.socket()));
        }
        await stillServes();
        assert.ok(residentMemory(pid) < 400 * MIB, `${Math.round(residentMemory(pid) / MIB)} MiB`);
      } finally {
        for (const connection of idle) {
          connection.destroy();
        }
      }
      await waitFor(() => openSockets(pid) <= before_ + 5, { what: 'the idle connections to be forgotten' });
    });
  });
}

/** One change in what was a request. */
function mangled(bytes: Buffer, random: SeededRandom): Buffer {
  const copy = Buffer.from(bytes);
  for (let count = 1 + random.below(4); count > 0; count -= 1) {
    copy[random.below(copy.length)] = random.below(256);
  }
  return random.below(3) === 0 ? copy.subarray(0, random.below(copy.length)) : copy;
}

describe('after all that', () => {
  test('the daemon holds no more than a daemon at rest may', async () => {
    await waitFor(() => residentMemory(pid) < 250 * MIB, {
      what: `the memory to be given back, ${Math.round(residentMemory(pid) / MIB)} MiB`,
      timeout_ms: 20_000,
    });
    assert.ok(!coffer.log().includes('nobody caught'), coffer.log().slice(-2_000));
  });
});
