// SPDX-License-Identifier: Apache-2.0

const PIECE_BYTES = 16 * 1024;
/** What is larger gets memory of its own. */
const SLICE_BYTES_MAX = 2 * 1024;

/**
 * Memory for many small secrets that come and go, outside Node's shared pool: taken from the system in pieces, since each
 * piece costs as much as a small secret's whole way through the log. Whoever holds a slice wipes it when it is done; a piece
 * is given back when none of its slices is held.
 */
export class SecretMemory {
  #piece: Buffer = Buffer.alloc(0);
  #used = 0;

  /** A copy of `bytes` that is the caller's own. */
  copyOf(bytes: Uint8Array): Buffer {
    const copy = this.#take(bytes.length);
    copy.set(bytes);
    return copy;
  }

  #take(size_bytes: number): Buffer {
    if (size_bytes > SLICE_BYTES_MAX) {
      return Buffer.alloc(size_bytes);
    }
    if (this.#used + size_bytes > this.#piece.length) {
      this.#piece = Buffer.alloc(PIECE_BYTES);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += size_bytes;
    return this.#piece.subarray(start, this.#used);
  }
}
