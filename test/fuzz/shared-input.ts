// SPDX-License-Identifier: Apache-2.0
// The input that is being parsed, in memory that another thread sees while this one does not come back.

const SIZE_BYTES_MAX = 1024 * 1024;
const HEAD_BYTES = 8;

export class SharedInput {
  readonly #head: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(memory: SharedArrayBuffer) {
    this.#head = new Int32Array(memory, 0, 2);
    this.#bytes = new Uint8Array(memory, HEAD_BYTES);
  }

  /** Nothing is parsed yet: a worker that takes long to begin does not hang in an input. */
  static memory(): SharedArrayBuffer {
    const memory = new SharedArrayBuffer(HEAD_BYTES + SIZE_BYTES_MAX);
    new SharedInput(memory).clear();
    return memory;
  }

  put(input: Buffer): void {
    this.#bytes.set(input.subarray(0, SIZE_BYTES_MAX));
    Atomics.store(this.#head, 1, Math.min(input.length, SIZE_BYTES_MAX));
    Atomics.add(this.#head, 0, 1);
  }

  /** Nothing is parsed. */
  clear(): void {
    Atomics.store(this.#head, 1, -1);
  }

  /** How many inputs there were. */
  get count(): number {
    return Atomics.load(this.#head, 0);
  }

  /** Undefined where nothing is parsed. */
  get input(): Buffer | undefined {
    const size_bytes = Atomics.load(this.#head, 1);
    return size_bytes < 0 ? undefined : Buffer.from(this.#bytes.slice(0, size_bytes));
  }
}
