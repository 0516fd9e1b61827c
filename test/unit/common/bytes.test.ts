// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import {
  ByteReader,
  ByteWriter,
  CofferError,
  pooledWriter,
  SecretMemory,
  u64Bytes,
} from '../../../src/common/index.ts';

/** A field of a record, as the writer is given it and the reader must give it back. */
const field = fc.oneof(
  fc.record({ kind: fc.constant('u8' as const), value: fc.nat(0xff) }),
  fc.record({ kind: fc.constant('u32' as const), value: fc.nat(0xffff_ffff) }),
  fc.record({ kind: fc.constant('u64' as const), value: fc.maxSafeNat() }),
  fc.record({ kind: fc.constant('bytes' as const), value: fc.uint8Array({ maxLength: 50 }) }),
  fc.record({ kind: fc.constant('text' as const), value: fc.string({ unit: 'grapheme', maxLength: 20 }) }),
);
type Field = typeof field extends fc.Arbitrary<infer T> ? T : never;

function write(writer: ByteWriter, { kind, value }: Field): void {
  switch (kind) {
    case 'bytes':
      writer.bytes(value);
      break;
    case 'text':
      writer.text(value);
      break;
    case 'u8':
    case 'u32':
    case 'u64':
      writer[kind](value);
  }
}

function read(reader: ByteReader, kind: Field['kind']): unknown {
  if (kind === 'bytes') {
    return new Uint8Array(reader.bytes(50));
  }
  return kind === 'text' ? reader.text(10_000) : reader[kind]();
}

describe('a binary record', () => {
  test('reads back as it was written, and has no bytes left over', () => {
    fc.assert(
      fc.property(fc.array(field), (fields) => {
        const writer = new ByteWriter();
        fields.forEach((each) => write(writer, each));
        const reader = new ByteReader(writer.finish(), 'a record');
        for (const { kind, value } of fields) {
          assert.deepEqual(read(reader, kind), value);
        }
        reader.finish();
      }),
    );
  });

  test('that is cut short throws store.damaged with its name, at every length', () => {
    fc.assert(
      fc.property(fc.array(field, { minLength: 1 }), fc.nat(), (fields, cut) => {
        const writer = new ByteWriter();
        fields.forEach((each) => write(writer, each));
        const whole = writer.finish();
        const reader = new ByteReader(whole.subarray(0, cut % whole.length), 'the record of a test');
        assert.throws(
          () => {
            fields.forEach(({ kind }) => read(reader, kind));
            reader.finish();
          },
          (error) =>
            error instanceof CofferError &&
            error.code === 'store.damaged' &&
            error.detail.startsWith('the record of a test'),
        );
      }),
    );
  });

  test('with any bytes at all throws nothing but store.damaged', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.array(field), (bytes, fields) => {
        const reader = new ByteReader(bytes, 'a record');
        try {
          fields.forEach(({ kind }) => read(reader, kind));
        } catch (error) {
          assert.ok(error instanceof CofferError && error.code === 'store.damaged', String(error));
        }
      }),
    );
  });

  test('with a length beyond the limit, an integer beyond 2^53 or bytes left over is damaged', () => {
    const long = new ByteWriter().bytes(Buffer.alloc(11)).finish();
    assert.throws(() => new ByteReader(long, 'r').bytes(10), { code: 'store.damaged' });
    assert.throws(() => new ByteReader(Buffer.alloc(8, 0xff), 'r').u64(), { code: 'store.damaged' });
    assert.throws(() => new ByteReader(Buffer.alloc(1), 'r').finish(), { code: 'store.damaged' });
  });

  test('takes no number that does not fit', () => {
    for (const [kind, value] of [
      ['u8', 256],
      ['u8', -1],
      ['u32', 2 ** 32],
      ['u32', 0.5],
      ['u64', 2 ** 53],
      ['u64', -1],
    ] as const) {
      assert.throws(() => new ByteWriter()[kind](value), { code: 'internal.invariant' }, `${kind} ${value}`);
    }
  });

  test('is the same from a writer that was used before, or shares its memory', () => {
    const used = new ByteWriter();
    fc.assert(
      fc.property(fc.array(field), (fields) => {
        const records = [new ByteWriter(), new ByteWriter(0), pooledWriter(1), used].map((writer) => {
          fields.forEach((each) => write(writer, each));
          return writer.finish();
        });
        const [first, ...others] = records;
        others.forEach((each) => assert.deepEqual(each, first));
        used.clear();
        assert.ok(
          records.at(-1)?.every((byte) => byte === 0),
          'what was cleared is wiped',
        );
      }),
    );
  });

  test('leaves nothing of itself in the memory that it has outgrown', () => {
    const taken: Buffer[] = [];
    const writer = new ByteWriter(4, (size_bytes) => {
      const memory = Buffer.alloc(size_bytes);
      taken.push(memory);
      return memory;
    });
    for (let count = 0; count < 100; count += 1) {
      writer.u8(7);
    }
    const last = taken.pop();
    assert.ok(taken.length > 0 && taken.every((memory) => memory.every((byte) => byte === 0)));
    assert.deepEqual(writer.finish(), Buffer.alloc(100, 7));
    assert.deepEqual(last?.subarray(0, 100), Buffer.alloc(100, 7));
  });

  test('has keys that sort as their numbers do', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (a, b) => {
        assert.equal(Math.sign(Buffer.compare(u64Bytes(a), u64Bytes(b))), Math.sign(a - b));
      }),
    );
  });
});

describe('memory for small secrets', () => {
  test('gives each its own, outside the pool, whatever their sizes', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5_000), { maxLength: 60 }), (sizes) => {
        const memory = new SecretMemory();
        const given = Buffer.alloc(5_000);
        const copies = sizes.map((size, place) => memory.copyOf(given.fill(place).subarray(0, size)));
        for (const [place, size] of sizes.entries()) {
          assert.deepEqual(copies[place], Buffer.alloc(size, place));
          assert.notEqual(copies[place]?.buffer, Buffer.from('pooled').buffer);
          // Whoever wipes one leaves the others as they are: those that come next are still to be looked at.
          copies[place]?.fill(0xff);
        }
      }),
    );
  });
});
