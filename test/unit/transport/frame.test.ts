// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { PassThrough, Writable } from 'node:stream';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CofferError } from '../../../src/common/index.ts';
import {
  FRAME,
  FrameDecoder,
  type FrameType,
  type Urgency,
  ZEROS_BEHIND_BYTES_MAX,
} from '../../../src/transport/index.ts';
import { FRAME_HEADER_BYTES, writeFrameHeader } from '../../../src/transport/frame.ts';
import { FrameWriter } from '../../../src/transport/frame-writer.ts';
import { decodeRefusal, encodeRefusal, REFUSAL_BYTES_MAX } from '../../../src/transport/refusal.ts';
import { assertProperty } from '../../support/property.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { meterAllocations } from '../../support/allocation-meter.ts';
import { waitFor } from '../../support/wait-for.ts';

const LIMIT_BYTES = 1_000;

interface Frame {
  readonly type: FrameType;
  readonly payload: Buffer;
}

function encode(frames: readonly Frame[]): Buffer {
  return Buffer.concat(
    frames.flatMap(({ payload, type }) => {
      const header = Buffer.alloc(FRAME_HEADER_BYTES);
      writeFrameHeader(header, 0, type, payload.length);
      return [header, payload];
    }),
  );
}

function decoderInto(frames: Frame[], limit_bytes = LIMIT_BYTES): FrameDecoder {
  return new FrameDecoder({
    limit_bytes,
    onFrame: (type, payload) => void frames.push({ type, payload: Buffer.from(payload) }),
  });
}

const someFrames = fc.array(
  fc.record(
    {
      type: fc.constantFrom(...Object.values(FRAME)),
      payload: fc.uint8Array({ maxLength: LIMIT_BYTES, size: 'max' }).map((bytes) => Buffer.from(bytes)),
    },
    { noNullPrototype: true },
  ),
  { maxLength: 8 },
);

test('frames come out as they went in, however their bytes are cut into chunks', (t) => {
  assertProperty(
    t,
    300,
    fc.property(someFrames, fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }), (frames, sizes) => {
      const bytes = encode(frames);
      const received: Frame[] = [];
      const decoder = decoderInto(received);
      for (let offset = 0, turn = 0; offset < bytes.length; turn += 1) {
        const size = sizes[turn % sizes.length] ?? 1;
        decoder.push(bytes.subarray(offset, offset + size));
        offset += size;
      }
      assert.deepEqual(received, frames);
      assert.equal(decoder.isInsideFrame, false);
    }),
  );
});

test('three frames survive every cut into three chunks', () => {
  const frames: readonly Frame[] = [
    { type: FRAME.data, payload: Buffer.from('abcdef') },
    { type: FRAME.ping, payload: Buffer.alloc(0) },
    { type: FRAME.chunk, payload: Buffer.from('x') },
  ];
  const { length } = encode(frames);
  for (let first = 0; first <= length; first += 1) {
    for (let second = first; second <= length; second += 1) {
      const bytes = encode(frames);
      const received: Frame[] = [];
      const decoder = decoderInto(received);
      decoder.push(bytes.subarray(0, first));
      decoder.push(bytes.subarray(first, second));
      decoder.push(bytes.subarray(second));
      assert.deepEqual(received, frames);
    }
  }
});

test('what a frame was put together from is wiped, since the frame has it', () => {
  const received: Frame[] = [];
  const decoder = decoderInto(received);
  const chunks = [encode([{ type: FRAME.data, payload: Buffer.from('a sec') }]), Buffer.from('ret')];
  // Of eight bytes, three are still to come.
  chunks[0]?.writeUInt32BE(9);
  chunks.forEach((chunk) => decoder.push(chunk));
  assert.equal(received[0]?.payload.toString(), 'a secret');
  assert.deepEqual(chunks[0]?.subarray(5), Buffer.alloc(5));
  assert.deepEqual(chunks[1], Buffer.alloc(3));
});

test('random bytes make frames within the limit or transport.frame-invalid, and then nothing more', (t) => {
  const random = new SeededRandom();
  t.diagnostic(random.description);
  let refused = 0;
  for (let round = 0; round < 2_000; round += 1) {
    const received: Frame[] = [];
    const decoder = decoderInto(received);
    const bytes = random.bytes(1 + random.below(60));
    if (random.below(2) === 0) {
      bytes.fill(0, 0, Math.min(3, bytes.length));
    }
    try {
      decoder.push(bytes);
    } catch (thrown) {
      refused += 1;
      assert.ok(thrown instanceof CofferError && thrown.code === 'transport.frame-invalid');
      const before = received.length;
      decoder.push(encode([{ type: FRAME.data, payload: Buffer.from('later') }]));
      assert.equal(received.length, before);
    }
    assert.ok(received.every(({ payload }) => payload.length <= LIMIT_BYTES));
  }
  assert.ok(refused > 500, `${refused} were refused`);
});

test('a length is refused before anything is allocated for it', () => {
  const decoder = decoderInto([], 1024 * 1024);
  const announced = encode([{ type: FRAME.data, payload: Buffer.alloc(0) }]);
  announced.writeUInt32BE(0xffff_ffff);
  const meter = meterAllocations();
  try {
    const { allocated_bytes } = meter.measure(() => {
      assert.throws(() => decoder.push(announced), /4294967294 bytes where 1048576 are the most/);
    });
    assert.ok(allocated_bytes < 10_000, `${allocated_bytes} bytes`);
  } finally {
    meter.stop();
  }
});

test('a frame in a thousand pieces is copied once: its buffer has its length', () => {
  const payload = Buffer.alloc(100_000, 7);
  const bytes = encode([{ type: FRAME.data, payload }]);
  let received: Buffer | undefined;
  const decoder = new FrameDecoder({
    limit_bytes: payload.length,
    onFrame: (_type, taken) => {
      received = taken;
    },
  });
  const meter = meterAllocations();
  try {
    const { allocated_bytes } = meter.measure(() => {
      for (let offset = 0; offset < bytes.length; offset += 100) {
        decoder.push(bytes.subarray(offset, offset + 100));
      }
    });
    assert.equal(allocated_bytes, payload.length);
  } finally {
    meter.stop();
  }
  assert.deepEqual(received, payload);
});

test('a frame of no byte, which has no type, is refused', () => {
  assert.throws(() => decoderInto([]).push(Buffer.alloc(5)), /transport.frame-invalid/);
});

const NO_EVENTS = { onProgress: () => undefined, onIdle: () => undefined };

test('messages of one turn go out in one write, and what was asked to be wiped is zero afterwards', async () => {
  const writes: Buffer[] = [];
  const written: (() => void)[] = [];
  const raw: Buffer[] = [];
  const socket = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      raw.push(chunk);
      writes.push(Buffer.from(chunk));
      written.push(done);
    },
  });
  const writer = new FrameWriter(socket, NO_EVENTS);
  const payloads = Array.from({ length: 50 }, (_, index) => Buffer.alloc(300, index + 1));
  const frames = payloads.map((payload) => ({ type: FRAME.data, payload: Buffer.from(payload) }));
  payloads.forEach((payload) => writer.send(FRAME.data, payload, { wipe: true }));
  await new Promise(setImmediate);
  assert.equal(writes.length, 1);
  assert.deepEqual(writes[0], encode(frames));
  assert.ok(payloads.every((payload) => payload.every((byte) => byte === 0)));
  written.forEach((done) => done());
  await new Promise(setImmediate);
  assert.ok(
    raw[0]?.every((byte) => byte === 0),
    'the copy that was written',
  );
  assert.ok(writer.isIdle);
});

test('while the socket is busy frames wait, an urgent one goes ahead, and what is dropped is wiped', async () => {
  const writes: Buffer[] = [];
  let done: () => void = () => undefined;
  const socket = new Writable({
    highWaterMark: 1,
    write: (chunk: Buffer, _encoding, callback) => {
      writes.push(Buffer.from(chunk));
      done = callback;
    },
  });
  const writer = new FrameWriter(socket, NO_EVENTS);
  const [first, second, last] = [Buffer.from('first'), Buffer.from('second'), Buffer.from('last')];
  writer.send(FRAME.data, first);
  await new Promise(setImmediate);
  writer.send(FRAME.data, second);
  writer.send(FRAME.ping, undefined, { urgency: 'first' });
  assert.equal(writer.queuedFrames, 2);
  assert.equal(writer.queued_bytes, 2 * FRAME_HEADER_BYTES + second.length);
  done();
  await new Promise(setImmediate);
  const ping = { type: FRAME.ping, payload: Buffer.alloc(0) };
  assert.deepEqual(writes[1], encode([ping, { type: FRAME.data, payload: second }]));
  writer.send(FRAME.data, last, { wipe: true });
  writer.stop();
  assert.ok(last.every((byte) => byte === 0));
  assert.equal(writer.queued_bytes, 0);
});

test('zeros behind a frame go out with it, after what was sent before and ahead of what was sent after', async () => {
  const writes: Buffer[] = [];
  const parts: Buffer[] = [];
  const take = (chunks: readonly Buffer[], done: () => void): void => {
    parts.push(...chunks);
    writes.push(Buffer.concat(chunks));
    done();
  };
  const socket = new Writable({
    write: (chunk: Buffer, _encoding, done) => take([chunk], done),
    writev: (chunks, done) =>
      take(
        chunks.map(({ chunk }: { readonly chunk: Buffer }) => chunk),
        done,
      ),
  });
  const writer = new FrameWriter(socket, NO_EVENTS);
  const sent = [
    { text: 'before', zeros: 0 },
    { text: 'a value', zeros: ZEROS_BEHIND_BYTES_MAX },
    { text: 'large'.repeat(8_000), zeros: 5 },
    { text: 'behind', zeros: 0 },
  ];
  const frames = sent.map(({ text, zeros }) => ({
    type: FRAME.data,
    payload: Buffer.concat([Buffer.from(text), Buffer.alloc(zeros)]),
  }));
  sent.forEach(({ text, zeros }) =>
    writer.send(FRAME.data, Buffer.from(text), { wipe: true, zerosBehind_bytes: zeros }),
  );
  assert.equal(writer.queued_bytes, encode(frames).length);
  await new Promise(setImmediate);
  await waitFor(() => writer.isIdle, { what: 'all to be written', interval_ms: 1 });
  assert.deepEqual(writes, [encode(frames.slice(0, 2)), encode(frames.slice(2, 3)), encode(frames.slice(3))]);
  assert.ok(
    parts.every((part) => part.every((byte) => byte === 0)),
    'what was written is wiped',
  );
  assert.equal(writer.queued_bytes, 0);
});

test('more zeros than there are are not promised', () => {
  const writer = new FrameWriter(new PassThrough(), NO_EVENTS);
  const zerosBehind_bytes = ZEROS_BEHIND_BYTES_MAX + 1;
  assert.throws(() => writer.send(FRAME.data, Buffer.from('x'), { zerosBehind_bytes }), /more zeros/);
});

test('a frame that may go along with another one goes with it, and by itself when there is none', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const writes: Buffer[] = [];
  const socket = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      writes.push(Buffer.from(chunk));
      done();
    },
  });
  const writer = new FrameWriter(socket, NO_EVENTS);
  const frames = ['news', 'of', 'little', 'weight'].map((word) => ({
    type: FRAME.data,
    payload: Buffer.from(word),
  }));
  const send = (place: number, urgency: Urgency): void =>
    frames.slice(place, place + 1).forEach(({ payload, type }) => writer.send(type, payload, { urgency }));
  send(0, 'along');
  send(1, 'along');
  await new Promise(setImmediate);
  assert.equal(writes.length, 0);
  send(2, 'soon');
  await new Promise(setImmediate);
  assert.deepEqual(writes, [encode(frames.slice(0, 3))], 'in the order in which they were sent');
  send(3, 'along');
  await new Promise(setImmediate);
  assert.equal(writes.length, 1);
  t.mock.timers.tick(2);
  assert.deepEqual(writes[1], encode(frames.slice(3)));
});

test('large and small payloads keep their order and their bytes', async (t) => {
  const random = new SeededRandom();
  t.diagnostic(random.description);
  const socket = new PassThrough({ highWaterMark: 64 * 1024 });
  const received: Frame[] = [];
  const decoder = decoderInto(received, 1024 * 1024);
  // As from a network, the bytes are others than those that were written.
  socket.on('data', (chunk: Buffer) => decoder.push(Buffer.from(chunk)));
  let onIdle: () => void = () => undefined;
  const idle = new Promise<void>((resolve) => {
    onIdle = resolve;
  });
  const writer = new FrameWriter(socket, { onProgress: () => undefined, onIdle });
  const frames = Array.from({ length: 200 }, () => ({
    type: FRAME.data,
    payload: random.bytes(random.below(10) === 0 ? 40_000 + random.below(60_000) : random.below(500)),
  }));
  frames.forEach(({ payload, type }) => writer.send(type, payload));
  await idle;
  await new Promise(setImmediate);
  assert.deepEqual(received, frames);
});

test('an error keeps code, sentence and hint on its way; its cause stays at home', () => {
  const error = new CofferError('store.busy', 'too much', { hint: 'Wait.', cause: new Error('s3cret') });
  const bytes = encodeRefusal(error);
  assert.ok(!bytes.includes('s3cret'));
  const { code, detail, hint } = decodeRefusal(bytes);
  assert.deepEqual({ code, detail, hint }, { code: 'store.busy', detail: 'too much', hint: 'Wait.' });
});

test('a refusal is one line of bounded length, and an unknown code becomes a known one', () => {
  const told = decodeRefusal(
    Buffer.from(JSON.stringify({ code: 'new.code', detail: `a\n\u001b[31mb${'x'.repeat(5_000)}` })),
  );
  assert.equal(told.code, 'transport.refused');
  assert.match(told.detail, /^a \[31mbx+$/);
  assert.ok(told.detail.length <= 1_000);
  const widest = encodeRefusal(
    new CofferError('store.busy', '\u{1F512}'.repeat(3_000), { hint: '"'.repeat(3_000) }),
  );
  assert.ok(widest.length <= REFUSAL_BYTES_MAX, `${widest.length} bytes`);
});

for (const text of [
  '',
  'null',
  '7',
  '[]',
  '{"code":1,"detail":"a"}',
  '{"code":"store.busy"}',
  '{"code":"__proto__',
]) {
  test(`${text === '' ? 'nothing' : text} is no refusal`, () => {
    assert.throws(() => decodeRefusal(Buffer.from(text)), /transport.frame-invalid.*refusal/);
  });
}
