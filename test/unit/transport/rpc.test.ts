// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import {
  type CallContext,
  FRAME,
  type Protocol,
  rpcHandler,
  type RpcHandlerOptions,
  type RpcMethod,
} from '../../../src/transport/index.ts';
import { encodeRequest } from '../../../src/transport/rpc-frames.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { StillClock } from '../../support/still-clock.ts';
import { waitFor } from '../../support/wait-for.ts';
import { TcpProxy } from './tcp-proxy.ts';
import { gate, listen, openClient, RawPeer, recordingLogger, removeAuthority } from './transport-harness.ts';

after(removeAuthority);

function until(condition: () => boolean, what: string): Promise<unknown> {
  return waitFor(condition, { what, interval_ms: 5 });
}

function protocolOf(
  methods: Readonly<Record<string, RpcMethod>>,
  options: Partial<RpcHandlerOptions> = {},
): readonly Protocol[] {
  const { logger } = recordingLogger();
  return [{ name: 'rpc/1', policy: 'member', handler: rpcHandler({ methods, logger, ...options }) }];
}

const nothing = Buffer.alloc(0);

test('calls over one connection are answered in any order, each with its own reply', async (t) => {
  const random = new SeededRandom();
  t.diagnostic(random.description);
  const waiting: (() => void)[] = [];
  const { address, listener } = await listen(
    t,
    protocolOf({
      later: (body) =>
        new Promise((resolve) => {
          waiting.push(() => resolve(Buffer.from(body)));
        }),
    }),
  );
  const client = openClient(t, address);
  const bodies = Array.from({ length: 60 }, () => random.bytes(random.below(5_000)));
  const replies = bodies.map((body) => client.call('later', body));
  await until(() => waiting.length === 60, 'all calls to arrive');
  while (waiting.length > 0) {
    waiting.splice(random.below(waiting.length), 1)[0]?.();
  }
  assert.deepEqual(await Promise.all(replies), bodies);
  assert.equal(listener.connections.length, 1);
});

test('a method knows who calls, and the error that it throws comes out as it went in', async (t) => {
  const contexts: CallContext[] = [];
  const { address } = await listen(
    t,
    protocolOf({
      fail: (_body, context) => {
        contexts.push(context);
        return Promise.reject(
          new CofferError('secret.exists', 'there is one already', {
            hint: 'Take another.',
            cause: new Error('x'),
          }),
        );
      },
    }),
  );
  const client = openClient(t, address);
  await assert.rejects(client.call('fail', nothing), {
    code: 'secret.exists',
    detail: 'there is one already',
    hint: 'Take another.',
  });
  const [context] = contexts;
  assert.equal(context?.peer?.nodeId, 'm2');
  assert.equal(context.peer.role, 'manager');
  assert.equal(context.address, '127.0.0.1');
  assert.equal(context.signal.aborted, false);
  client.close();
  await until(() => context.signal.aborted, 'the signal');
});

test('what is no CofferError does not travel and is not logged: it may quote a secret', async (t) => {
  const { lines, logger } = recordingLogger();
  const { address } = await listen(
    t,
    protocolOf(
      { parse: (body) => Promise.resolve(Buffer.from(JSON.parse(body.toString()) as string)) },
      { logger },
    ),
  );
  const call = openClient(t, address).call('parse', Buffer.from('hunter2'));
  await assert.rejects(call, (error: unknown) => {
    assert.ok(error instanceof CofferError && error.code === 'internal.unexpected');
    assert.ok(!error.message.includes('hunter2'));
    return true;
  });
  assert.ok(lines.some((line) => line.includes('SyntaxError')));
  assert.ok(!lines.some((line) => line.includes('hunter2')));
});

for (const method of ['unknown', 'toString', '__proto__', 'constructor']) {
  test(`${method} is no method`, async (t) => {
    const { address } = await listen(t, protocolOf({}));
    await assert.rejects(openClient(t, address).call(method, nothing), /request\.not-found/);
  });
}

test('a call that is not answered in time may have happened, and its late reply is nobody’s', async (t) => {
  const { open, opened } = gate();
  const { address } = await listen(
    t,
    protocolOf({
      slow: () => opened.then(() => Buffer.from('late')),
      quick: () => Promise.resolve(Buffer.from('quick')),
    }),
  );
  const client = openClient(t, address);
  await assert.rejects(
    client.call('slow', nothing, { timeout_ms: 50 }),
    /transport\.timeout.*did not answer slow within 50 ms; it may have happened all the same/,
  );
  open();
  assert.equal((await client.call('quick', nothing)).toString(), 'quick');
});

test('a call to a node that is not there was not sent', async (t) => {
  const gone = await listen(t, []);
  await gone.listener.close();
  const error = await openClient(t, gone.address)
    .call('x', nothing)
    .catch((thrown: unknown) => thrown);
  assert.ok(error instanceof CofferError && error.code === 'transport.unreachable');
  assert.doesNotMatch(error.message, /happened/);
});

test('a call whose connection breaks may have happened; the next one makes a new connection', async (t) => {
  let calls = 0;
  const { address, listener } = await listen(
    t,
    protocolOf({
      hang: () => {
        calls += 1;
        return new Promise(() => undefined);
      },
      echo: (body) => Promise.resolve(body),
    }),
  );
  const client = openClient(t, address);
  const hanging = client.call('hang', nothing);
  await until(() => calls === 1, 'the call to arrive');
  listener.cut(() => true);
  await assert.rejects(hanging, /transport\.unreachable.*hang may have happened all the same/);
  assert.equal((await client.call('echo', Buffer.from('x'))).toString(), 'x');
});

test('a server that falls silent is noticed although nothing is asked of it', async (t) => {
  const { port } = await listen(t, protocolOf({ hang: () => new Promise(() => undefined) }));
  const proxy = await TcpProxy.open(t, port);
  const clock = new StillClock();
  const client = openClient(t, proxy.address, { clock, limits: { timeout_ms: 3_600_000 } });
  const hanging = client.call('hang', nothing);
  const rejected = assert.rejects(hanging, /transport\.timeout.*has sent nothing for 6000 ms/);
  await until(() => client.isConnected, 'the connection');
  proxy.silence();
  for (let round = 0; round < 4; round += 1) {
    clock.advance(2_000);
  }
  await rejected;
});

test('calls under way are bounded, at the client and at the server', async (t) => {
  const { open, opened } = gate();
  const methods = { wait: () => opened.then(() => nothing) };
  const { address, port } = await listen(t, protocolOf(methods, { limits: { inFlight: 3 } }));
  const client = openClient(t, address, { limits: { inFlight: 2 } });
  const two = [client.call('wait', nothing), client.call('wait', nothing)];
  await assert.rejects(client.call('wait', nothing), /cluster\.rate-limited.*2 calls/);
  const raw = await RawPeer.member(t, port, 'rpc/1').accepted();
  for (let id = 1; id <= 4; id += 1) {
    const payload = encodeRequest(id, 'wait', nothing);
    const header = Buffer.alloc(5);
    header.writeUInt32BE(payload.length + 1);
    header[4] = FRAME.request;
    raw.socket.write(Buffer.concat([header, payload]));
  }
  await until(() => raw.frames.some(({ type }) => type === FRAME.error), 'the fourth to be refused');
  const refused = raw.frames.find(({ type }) => type === FRAME.error)?.payload;
  assert.equal(refused?.readUInt32BE(), 4);
  assert.match(refused.toString(), /cluster\.rate-limited/);
  open();
  await Promise.all(two);
});

test('a reply beyond the limits is an error at the server, or cuts the connection at the client', async (t) => {
  const methods = { large: () => Promise.resolve(Buffer.alloc(5_000)) };
  const own = await listen(t, protocolOf(methods, { limits: { reply_bytes: 4_999 } }));
  await assert.rejects(openClient(t, own.address).call('large', nothing), /request\.too-large.*5000 bytes/);
  const other = await listen(t, protocolOf({ large: () => Promise.resolve(Buffer.alloc(20_000)) }));
  const client = openClient(t, other.address, { limits: { reply_bytes: 100 } });
  await assert.rejects(client.call('large', nothing), /transport\.frame-invalid/);
});

test('a request beyond the limit cuts the connection with a reason', async (t) => {
  const { address } = await listen(t, protocolOf({}, { limits: { request_bytes: 1_000 } }));
  await assert.rejects(
    openClient(t, address).call('x', Buffer.alloc(2_000)),
    /transport\.frame-invalid.*are the most there can be; x may have happened/,
  );
});

test('requests and replies that hold secrets are wiped on both sides', async (t) => {
  const reply = Buffer.from('the value');
  const { address } = await listen(t, protocolOf({ read: () => Promise.resolve(reply) }, { wipe: true }));
  const client = openClient(t, address, { wipe: true });
  const request = Buffer.from('the token');
  assert.equal((await client.call('read', request)).toString(), 'the value');
  assert.deepEqual(request, Buffer.alloc(9));
  assert.deepEqual(reply, Buffer.alloc(9));
});

test('close() rejects what is under way, and what comes after it', async (t) => {
  const { address } = await listen(t, protocolOf({ hang: () => new Promise(() => undefined) }));
  const client = openClient(t, address);
  const dialing = assert.rejects(client.call('hang', nothing), /transport\.unreachable/);
  client.close();
  await dialing;
  await assert.rejects(client.call('hang', nothing), /the call was not made/);
});
