// SPDX-License-Identifier: Apache-2.0
// Writes the fields of a message into one buffer, whose size was computed before.
import { invariant } from '../../common/index.ts';

const TWO_TO_32 = 2 ** 32;

/** Writes big-endian fields one after the other. `ByteWriter` of src/common grows; this one is as long as the message. */
export class MessageWriter {
  readonly #bytes: Buffer;
  #offset = 0;

  /** `size` is what will be written, to the byte. The buffer is outside Node's shared pool, so that wiping it is final. */
  constructor(size: number) {
    this.#bytes = Buffer.alloc(size);
  }

  u8(value: number): void {
    this.#offset = this.#bytes.writeUInt8(value, this.#offset);
  }

  boolean(value: boolean): void {
    this.u8(value ? 1 : 0);
  }

  u32(value: number): void {
    this.#offset = this.#bytes.writeUInt32BE(value, this.#offset);
  }

  /** As two halves: a BigInt would cost more than all the rest of a small message. */
  u64(value: number): void {
    invariant(
      Number.isSafeInteger(value) && value >= 0,
      'a number of a message is not an unsigned integer below 2^53',
    );
    this.u32(Math.floor(value / TWO_TO_32));
    this.u32(value % TWO_TO_32);
  }

  /** The bytes after their length as a u32. */
  bytes(value: Buffer): void {
    this.u32(value.length);
    this.#bytes.set(value, this.#offset);
    this.#offset += value.length;
  }

  finish(): Buffer {
    invariant(this.#offset === this.#bytes.length, 'a message is as long as was computed');
    return this.#bytes;
  }
}
