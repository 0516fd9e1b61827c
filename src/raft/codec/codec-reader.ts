// SPDX-License-Identifier: Apache-2.0
// Reads the fields of a message, and trusts none of them.
import { CofferError } from '../../common/index.ts';

const TWO_TO_32 = 2 ** 32;
/** The upper half of the first integer that is not safe, 2^53. */
const UNSAFE_UPPER_HALF = 2 ** 21;

/** The error for a message that cannot be taken. `how` never quotes what the message holds. */
export function invalidMessage(how: string): CofferError {
  return new CofferError('raft.message-invalid', `a message from a peer ${how}`, {
    hint: 'Compare the versions of coffer on the nodes; if they agree, please report it.',
  });
}

/** Reads big-endian fields one after the other; throws `raft.message-invalid` where they end too early or make no sense. */
export class MessageReader {
  readonly #bytes: Buffer;
  #offset = 0;

  /** `bytes` is only looked at: what is read from it are copies, except for `rest`. */
  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#skip(1));
  }

  boolean(): boolean {
    const value = this.u8();
    if (value > 1) {
      throw invalidMessage('holds a boolean that is neither 0 nor 1');
    }
    return value === 1;
  }

  u32(): number {
    return this.#bytes.readUInt32BE(this.#skip(4));
  }

  u64(): number {
    const upper = this.u32();
    if (upper >= UNSAFE_UPPER_HALF) {
      throw invalidMessage('holds a number beyond 2^53');
    }
    return upper * TWO_TO_32 + this.u32();
  }

  /**
   * How many elements follow, each of `element_bytes` or more. It is compared with the limit and with what is left
   * before any of them is read, so that a count alone makes nobody allocate.
   */
  count(limit: number, element_bytes: number, what: string): number {
    const count = this.u32();
    if (count > limit) {
      throw invalidMessage(`holds more than ${limit} ${what}`);
    }
    if (count * element_bytes > this.#bytes.length - this.#offset) {
      throw invalidMessage('ends too early');
    }
    return count;
  }

  /** A length, and steps over as many bytes; gives the place where they begin. */
  skipBytes(limit: number, what: string): { readonly start: number; readonly end: number } {
    const length = this.count(limit, 1, `bytes of ${what}`);
    const start = this.#skip(length);
    return { start, end: start + length };
  }

  /** A copy of length-prefixed bytes. It may come from Node's shared pool: this is not for secrets. */
  bytes(limit: number, what: string): Buffer {
    const { start, end } = this.skipBytes(limit, what);
    return Buffer.from(this.#bytes.subarray(start, end));
  }

  /** How far was read. */
  get offset(): number {
    return this.#offset;
  }

  /** A view of everything from `start` on. */
  from(start: number): Buffer {
    return this.#bytes.subarray(start);
  }

  /** Throws unless everything was read: bytes that nobody understands are not dropped silently. */
  finish(): void {
    if (this.#offset !== this.#bytes.length) {
      throw invalidMessage('has bytes left over');
    }
  }

  #skip(length: number): number {
    const start = this.#offset;
    if (length > this.#bytes.length - start) {
      throw invalidMessage('ends too early');
    }
    this.#offset = start + length;
    return start;
  }
}
