// SPDX-License-Identifier: Apache-2.0
// Writing and reading of coffer's binary records: big-endian integers and length-prefixed bytes.
import { CofferError, invariant } from './errors.ts';

/** Appends fields to a record. Integers are unsigned and big-endian; `bytes` has a 32-bit length before it. */
export class ByteWriter {
  readonly #parts: Buffer[] = [];

  u8(value: number): this {
    invariant(Number.isInteger(value) && value >= 0 && value <= 0xff, `${value} is not a u8`);
    this.#parts.push(Buffer.of(value));
    return this;
  }

  u32(value: number): this {
    invariant(Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff, `${value} is not a u32`);
    const part = Buffer.alloc(4);
    part.writeUInt32BE(value);
    this.#parts.push(part);
    return this;
  }

  /** A 64-bit integer, of which JavaScript's safe range is used: 0 to 2^53 - 1. */
  u64(value: number): this {
    this.#parts.push(u64Bytes(value));
    return this;
  }

  /** Bytes of a length that the reader knows. */
  fixed(value: Uint8Array): this {
    this.#parts.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
    return this;
  }

  bytes(value: Uint8Array): this {
    return this.u32(value.length).fixed(value);
  }

  text(value: string): this {
    return this.bytes(Buffer.from(value, 'utf8'));
  }

  /** One new buffer, outside Node's shared pool, with all that was written. */
  finish(): Buffer {
    const length = this.#parts.reduce((sum, part) => sum + part.length, 0);
    const record = Buffer.alloc(length);
    let offset = 0;
    for (const part of this.#parts) {
      record.set(part, offset);
      offset += part.length;
    }
    return record;
  }
}

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
    return this.fixed(1).readUInt8();
  }

  u32(): number {
    return this.fixed(4).readUInt32BE();
  }

  u64(): number {
    const value = Number(this.fixed(8).readBigUInt64BE());
    if (!Number.isSafeInteger(value)) {
      throw this.#damaged('holds an integer beyond 2^53');
    }
    return value;
  }

  /** A view of the next `length` bytes, not a copy. */
  fixed(length: number): Buffer {
    const end = this.#offset + length;
    if (end > this.#record.length) {
      throw this.#damaged('ends too early');
    }
    const view = this.#record.subarray(this.#offset, end);
    this.#offset = end;
    return view;
  }

  /** A view of length-prefixed bytes, at most `limit` of them. */
  bytes(limit: number): Buffer {
    const length = this.u32();
    if (length > limit) {
      throw this.#damaged(`holds a field of ${length} bytes where ${limit} is the limit`);
    }
    return this.fixed(length);
  }

  text(limit: number): string {
    return this.bytes(limit).toString('utf8');
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

  #damaged(how: string): CofferError {
    return new CofferError('store.damaged', `${this.#what} ${how}`);
  }
}

/** The 8 bytes of an unsigned big-endian 64-bit integer, so that keys sort as their numbers do. */
export function u64Bytes(value: number): Buffer {
  invariant(Number.isSafeInteger(value) && value >= 0, `${value} is not a u64 in JavaScript's safe range`);
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
