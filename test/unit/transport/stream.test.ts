// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import {
  CredentialsSource,
  FRAME,
  type Protocol,
  sendStream,
  type SendStreamOptions,
  streamHandler,
  type StreamHandlerOptions,
} from '../../../src/transport/index.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { StillClock } from '../../support/still-clock.ts';
import { waitFor } from '../../support/wait-for.ts';
import { TcpProxy } from './tcp-proxy.ts';
import { EXPECT_M1, gate, leafOf, listen, RawPeer, removeAuthority } from './transport-harness.ts';

after(removeAuthority);

const MIB = 1024 * 1024;

function until(condition: () => boolean, what: string): Promise<unknown> {
  return waitFor(condition, { what, interval_ms: 5 });
}

function protocolOf(receive: StreamHandlerOptions['receive']): readonly Protocol[] {
  return [{ name: 'stream/1', policy: 'member', handler: streamHandler({ receive }) }];
}

function send(
  address: string,
  chunks: AsyncIterable<Buffer>,
  options: Partial<SendStreamOptions> = {},
): Promise<void> {
  return sendStream({
    address,
    protocol: 'stream/1',
    credentials: new CredentialsSource(leafOf('m2')),
    expect: EXPECT_M1,
    header: Buffer.from('header'),
    chunks,
    ...options,
  });
}

/** Chunks without end, or `count` of them; `drawn` counts, and `ended` tells that nobody will draw any more. */
class Source implements AsyncIterable<Buffer> {
  drawn = 0;
  ended = false;
  readonly #chunk_bytes: number;
  readonly #count: number;

  constructor(chunk_bytes: number, count = Number.POSITIVE_INFINITY) {
    this.#chunk_bytes = chunk_bytes;
    this.#count = count;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      while (this.drawn < this.#count) {
        this.drawn += 1;
        yield await Promise.resolve(Buffer.alloc(this.#chunk_bytes, this.drawn));
      }
    } finally {
      this.ended = true;
    }
  }
}

test('64 MiB arrive byte for byte at a slow reader, and neither side holds more than a few chunks', async (t) => {
  const random = new SeededRandom();
  t.diagnostic(random.description);
  const [sent, received] = [createHash('sha256'), createHash('sha256')];
  let ahead_bytes = 0;
  let ahead_max_bytes = 0;
  let total_bytes = 0;
  let header = '';
  const { address } = await listen(
    t,
    protocolOf(async (_peer, head, chunks) => {
      header = head.toString();
      for await (const chunk of chunks) {
        // The whole process gets its turn between two chunks, the sender too.
        await new Promise(setImmediate);
        await new Promise(setImmediate);
        ahead_bytes -= chunk.length;
        total_bytes += chunk.length;
        received.update(chunk);
      }
    }),
  );
  const block = random.bytes(MIB);
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let left_bytes = 64 * MIB, round = 0; left_bytes > 0; round += 1) {
      const size = Math.min(left_bytes, 1 + random.below(MIB));
      const chunk = Buffer.from(block.subarray(0, size));
      chunk[0] = round & 0xff;
      left_bytes -= size;
      sent.update(chunk);
      ahead_bytes += size;
      ahead_max_bytes = Math.max(ahead_max_bytes, ahead_bytes);
      yield await Promise.resolve(chunk);
    }
  }
  await send(address, chunks());
  assert.equal(header, 'header');
  assert.equal(total_bytes, 64 * MIB);
  assert.equal(received.digest('hex'), sent.digest('hex'));
  // The kernel's buffers on the loopback hold some, too.
  assert.ok(ahead_max_bytes < 16 * MIB, `${ahead_max_bytes} bytes were under way`);
});

test('a receiver that does not draw holds the source up', async (t) => {
  const { open, opened } = gate();
  let taken = 0;
  const { address } = await listen(
    t,
    protocolOf(async (_peer, _header, chunks) => {
      await opened;
      for await (const chunk of chunks) {
        taken += chunk.length;
      }
    }),
  );
  const source = new Source(MIB, 64);
  const sending = send(address, source);
  let before = -1;
  await waitFor(
    () => {
      const isStill = source.drawn > 0 && source.drawn === before;
      before = source.drawn;
      return isStill;
    },
    { what: 'the source to stand still', interval_ms: 200 },
  );
  assert.ok(source.drawn < 32, `${source.drawn} MiB were drawn`);
  open();
  await sending;
  assert.equal(taken, 64 * MIB);
});

test('chunks beyond 1 MiB go in pieces, empty ones not at all, and a stream may be empty', async (t) => {
  const sizes: number[][] = [];
  const { address } = await listen(
    t,
    protocolOf(async (_peer, _header, chunks) => {
      const own: number[] = [];
      sizes.push(own);
      for await (const chunk of chunks) {
        own.push(chunk.length);
      }
    }),
  );
  await send(address, new Source(2 * MIB + 5, 1));
  await send(address, new Source(0, 3));
  await send(address, new Source(1, 0));
  assert.deepEqual(sizes, [[MIB, MIB, 5], [], []]);
});

test('chunks are wiped once they are written', async (t) => {
  const { address } = await listen(
    t,
    protocolOf(async (_peer, _header, chunks) => {
      for await (const chunk of chunks) {
        assert.ok(chunk.every((byte) => byte === 1));
      }
    }),
  );
  const chunks = [Buffer.alloc(100, 1), Buffer.alloc(100_000, 1)];
  async function* source(): AsyncGenerator<Buffer> {
    yield* chunks;
    await Promise.resolve();
  }
  await send(address, source(), { wipe: true });
  assert.ok(chunks.every((chunk) => chunk.every((byte) => byte === 0)));
});

test('the error of the receiver is the error of the sender, and ends its source', async (t) => {
  const { address } = await listen(
    t,
    protocolOf(async (_peer, _header, chunks) => {
      for await (const _chunk of chunks) {
        throw new CofferError('store.damaged', 'the stream is not whole', { hint: 'Send it again.' });
      }
    }),
  );
  const source = new Source(100_000);
  await assert.rejects(send(address, source), {
    code: 'store.damaged',
    detail: 'the stream is not whole',
    hint: 'Send it again.',
  });
  await until(() => source.ended, 'the source to be ended');
});

test('a receiver that needs no more says so before the end', async (t) => {
  const { address } = await listen(
    t,
    protocolOf(() => Promise.resolve()),
  );
  const source = new Source(100_000);
  await send(address, source);
  await until(() => source.ended, 'the source to be ended');
});

test('a source that fails is the error of the sender, and the receiver learns that the stream broke off', async (t) => {
  const outcomes: unknown[] = [];
  const { address } = await listen(
    t,
    protocolOf(async (_peer, _header, chunks) => {
      try {
        for await (const _chunk of chunks) {
          // Goes on.
        }
        outcomes.push('complete');
      } catch (thrown) {
        outcomes.push(thrown);
        throw thrown;
      }
    }),
  );
  async function* failing(): AsyncGenerator<Buffer> {
    yield await Promise.resolve(Buffer.from('x'));
    throw new CofferError('store.faulted', 'the disk failed');
  }
  await assert.rejects(send(address, failing()), /store\.faulted/);
  await until(() => outcomes.length === 1, 'the receiver to end');
  assert.ok(outcomes[0] instanceof CofferError && outcomes[0].code === 'transport.unreachable');
});

test('a stream that is cut rejects on both sides', async (t) => {
  const outcomes: unknown[] = [];
  const { listener, port } = await listen(
    t,
    protocolOf(async (_peer, _header, chunks) => {
      try {
        for await (const _chunk of chunks) {
          // Goes on.
        }
      } catch (thrown) {
        outcomes.push(thrown);
        throw thrown;
      }
    }),
  );
  const proxy = await TcpProxy.open(t, port);
  const source = new Source(100_000);
  const sending = assert.rejects(send(proxy.address, source), /transport\.unreachable/);
  await until(() => source.drawn > 20, 'the stream to run');
  proxy.cut();
  await sending;
  await until(() => outcomes.length === 1 && listener.connections.length === 0, 'the receiver to end');
  assert.ok(source.ended);
});

test('a stream that makes no progress ends on both sides', async (t) => {
  const outcomes: unknown[] = [];
  const clock = new StillClock();
  const { port } = await listen(
    t,
    protocolOf(async (_peer, _header, chunks) => {
      try {
        for await (const _chunk of chunks) {
          // Goes on.
        }
      } catch (thrown) {
        outcomes.push(thrown);
        throw thrown;
      }
    }),
    { clock },
  );
  const proxy = await TcpProxy.open(t, port);
  const source = new Source(MIB);
  const sending = assert.rejects(
    send(proxy.address, source, { stall_ms: 200 }),
    /transport\.timeout.*node m1 made no progress within 200 ms/,
  );
  await until(() => source.drawn > 2, 'the stream to run');
  proxy.silence();
  await sending;
  await until(() => {
    clock.advance(500);
    return outcomes.length === 1;
  }, 'the receiver to give up');
  assert.match(String(outcomes[0]), /it has sent nothing for 10000 ms/);
});

test('a source that hangs is a stall, and does not hang the sender', async (t) => {
  const { address } = await listen(
    t,
    protocolOf(async (_peer, _header, chunks) => {
      for await (const _chunk of chunks) {
        // Goes on.
      }
    }),
  );
  const hanging: AsyncIterable<Buffer> = {
    [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }),
  };
  await assert.rejects(send(address, hanging, { stall_ms: 50 }), /transport\.timeout/);
});

test('a receiver that takes its time after the last chunk is waited for, and not for ever', async (t) => {
  const clock = new StillClock();
  const { open, opened } = gate();
  let complete = 0;
  const { address } = await listen(
    t,
    protocolOf(async (_peer, _header, chunks) => {
      for await (const _chunk of chunks) {
        // Goes on.
      }
      complete += 1;
      await opened;
    }),
    { clock },
  );
  const patient = send(address, new Source(10, 1));
  const impatient = assert.rejects(
    send(address, new Source(10, 1), { ack_ms: 50 }),
    /transport\.timeout.*did not say that it is done/,
  );
  await until(() => complete === 2, 'both streams to arrive');
  await impatient;
  // Longer than a connection may be idle.
  for (let step = 0; step < 30; step += 1) {
    clock.advance(500);
  }
  open();
  await patient;
});

test('one peer sends a bounded number of streams at a time', async (t) => {
  const { open, opened } = gate();
  let running = 0;
  const { address } = await listen(
    t,
    protocolOf(async () => {
      running += 1;
      await opened;
    }),
  );
  const two = [send(address, new Source(10, 1)), send(address, new Source(10, 1))];
  await until(() => running === 2, 'two streams to run');
  await assert.rejects(send(address, new Source(10, 1)), /cluster\.rate-limited.*2 streams/);
  const other = new CredentialsSource(leafOf('m3'));
  await assert.rejects(
    send(address, new Source(10, 0), { credentials: other, ack_ms: 50 }),
    /transport\.timeout/,
    'another peer is let in',
  );
  open();
  await Promise.all(two);
  await waitFor(() => send(address, new Source(10, 1)).then(() => true), { what: 'a place to be free' });
});

const OUT_OF_PLACE: readonly (readonly [string, readonly number[]])[] = [
  ['a chunk before the header', [FRAME.chunk]],
  ['an end before the header', [FRAME.end]],
  ['a second header', [FRAME.header, FRAME.header]],
  ['a chunk after the end', [FRAME.header, FRAME.end, FRAME.chunk]],
  ['a message', [FRAME.header, FRAME.data]],
];

for (const [what, types] of OUT_OF_PLACE) {
  test(`${what} cuts a stream, and the process goes on`, async (t) => {
    const { address, port } = await listen(
      t,
      protocolOf(async (_peer, _header, chunks) => {
        for await (const _chunk of chunks) {
          // Goes on.
        }
        await new Promise(setImmediate);
      }),
    );
    const peer = await RawPeer.member(t, port, 'stream/1').accepted();
    peer.socket.write(Buffer.concat(types.map((type) => Buffer.from([0, 0, 0, 1, type]))));
    await peer.over();
    assert.match(peer.refusal ?? '', /transport\.frame-invalid/);
    await send(address, new Source(10, 2));
  });
}
