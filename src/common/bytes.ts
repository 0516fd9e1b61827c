// SPDX-License-Identifier: Apache-2.0
// Writing and reading of coffer's binary records: big-endian integers and length-prefixed bytes.
import { CofferError, invariant } from './errors.ts';

const EXPECTED_BYTES = 256;
/** More than this a writer does not keep when it is cleared. */
const KEPT_BYTES_MAX = 64 * 1024;

/** Appends fields to a record. Integers are unsigned and big-endian; `bytes` has a 32-bit length before it. */
export class ByteWriter {
  readonly #take: (size_bytes: number) => Buffer;
  #record: Buffer;
  #length = 0;

  /** `expected_bytes` is what the record takes if the caller knows: it grows where it must. */
  constructor(
    expected_bytes: number = EXPECTED_BYTES,
    take: (size_bytes: number) => Buffer = (size_bytes) => Buffer.alloc(size_bytes),
  ) {
    this.#take = take;
    this.#record = take(expected_bytes);
  }

  u8(value: number): this {
    requireUnsigned(value, 0xff);
    this.#reserve(1);
    this.#record[this.#length] = value;
    this.#length += 1;
    return this;
  }

  u32(value: number): this {
    requireUnsigned(value, 0xffff_ffff);
    this.#reserve(4);
    this.#length = this.#record.writeUInt32BE(value, this.#length);
    return this;
  }

  /** A 64-bit integer, of which JavaScript's safe range is used: 0 to 2^53 - 1. */
  u64(value: number): this {
    this.#reserve(8);
    this.#length = writeU64(this.#record, value, this.#length);
    return this;
  }

  /** Bytes of a length that the reader knows. They are copied at once. */
  fixed(value: Uint8Array): this {
    this.#reserve(value.length);
    this.#record.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  bytes(value: Uint8Array): this {
    return this.u32(value.length).fixed(value);
  }

  text(value: string): this {
    this.#reserve(4 + UTF8_BYTES_MAX * value.length);
    const length = this.#record.write(value, this.#length + 4, 'utf8');
    this.#record.writeUInt32BE(length, this.#length);
    this.#length += 4 + length;
    return this;
  }

  /**
   * All that was written: the writer's own memory, outside Node's shared pool unless it is a `pooledWriter`, of which no copy
   * was left behind. Nothing may be written afterwards, unless the writer is cleared.
   */
  finish(): Buffer {
    return this.#record.subarray(0, this.#length);
  }

  /** Wipes what was written, what `finish` has returned too, and begins anew in the same memory. */
  clear(): void {
    this.#record.fill(0, 0, this.#length);
    this.#length = 0;
    if (this.#record.length > KEPT_BYTES_MAX) {
      this.#record = this.#take(EXPECTED_BYTES);
    }
  }

  #reserve(size_bytes: number): void {
    const needed = this.#length + size_bytes;
    if (needed > this.#record.length) {
      const larger = this.#take(Math.max(needed, 2 * this.#record.length));
      larger.set(this.#record.subarray(0, this.#length));
      // It may hold a value in the clear.
      this.#record.fill(0);
      this.#record = larger;
    }
  }
}

/** A writer in Node's shared pool, which is cheaper for small records: not for secrets. */
export function pooledWriter(expected_bytes: number = EXPECTED_BYTES): ByteWriter {
  return new ByteWriter(expected_bytes, (size_bytes) => Buffer.allocUnsafe(size_bytes));
}

/** The most that one unit of a string takes. */
const UTF8_BYTES_MAX = 3;

/**
 * Reads what `ByteWriter` wrote. A record that is too short, or holds a length beyond its limit, throws
 * `store.damaged` with `what` in the sentence.
 */
export class ByteReader {
  readonly #record: Buffer;
  readonly #what: string;
  #offset = 0;

  constructor(record: Uint8Array, what: string) {
    this.#record = Buffer.from(record.buffer, record.byteOffset, record.byteLength);
    this.#what = what;
  }

  u8(): number {
    return this.#record.readUInt8(this.#advance(1));
  }

  u32(): number {
    return this.#record.readUInt32BE(this.#advance(4));
  }

  u64(): number {
    const start = this.#advance(8);
    const value = this.#record.readUInt32BE(start) * U32_RANGE + this.#record.readUInt32BE(start + 4);
    if (!Number.isSafeInteger(value)) {
      throw this.#damaged('holds an integer beyond 2^53');
    }
    return value;
  }

  /** A view of the next `length` bytes, not a copy. */
  fixed(length: number): Buffer {
    const start = this.#advance(length);
    return this.#record.subarray(start, start + length);
  }

  /** A view of length-prefixed bytes, at most `limit` of them. */
  bytes(limit: number): Buffer {
    return this.fixed(this.#lengthWithin(limit));
  }

  text(limit: number): string {
    const length = this.#lengthWithin(limit);
    const start = this.#advance(length);
    return this.#record.toString('utf8', start, start + length);
  }

  /** A view of all that is left. */
  rest(): Buffer {
    return this.fixed(this.#record.length - this.#offset);
  }

  /** Throws unless everything was read. */
  finish(): void {
    if (this.#offset !== this.#record.length) {
      throw this.#damaged('has bytes left over');
    }
  }

  #lengthWithin(limit: number): number {
    const length = this.u32();
    if (length > limit) {
      throw this.#damaged(`holds a field of ${length} bytes where ${limit} is the limit`);
    }
    return length;
  }

  /** Goes on past the next `length` bytes, and returns where they begin. */
  #advance(length: number): number {
    const start = this.#offset;
    if (start + length > this.#record.length) {
      throw this.#damaged('ends too early');
    }
    this.#offset = start + length;
    return start;
  }

  #damaged(how: string): CofferError {
    return new CofferError('store.damaged', `${this.#what} ${how}`);
  }
}

/** A copy outside Node's shared pool. */
export function ownCopy(bytes: Uint8Array): Buffer {
  const copy = Buffer.alloc(bytes.length);
  copy.set(bytes);
  return copy;
}

const U32_RANGE = 2 ** 32;

/** The 8 bytes of an unsigned big-endian 64-bit integer, so that keys sort as their numbers do. */
export function u64Bytes(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  writeU64(bytes, value, 0);
  return bytes;
}

/** Writes `value` as `u64Bytes` makes it, and returns where the next field begins. */
export function writeU64(target: Buffer, value: number, offset: number): number {
  requireUnsigned(value, Number.MAX_SAFE_INTEGER);
  target.writeUInt32BE(Math.floor(value / U32_RANGE), offset);
  return target.writeUInt32BE(value % U32_RANGE, offset + 4);
}

function requireUnsigned(value: number, limit: number): void {
  // Without the sentence, which costs more than all the rest of a field, unless it is needed.
  if (!Number.isInteger(value) || value < 0 || value > limit) {
    invariant(false, `${value} is not an integer from 0 to ${limit}`);
  }
}
