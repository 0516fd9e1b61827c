// SPDX-License-Identifier: Apache-2.0
// Bytes that come in pieces of any size, read in pieces of a wanted one.

/** Holds no more than one piece of the source and what was asked for. The source's pieces are not changed. */
export class ExactReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array();
  #offset_bytes: number;

  /** `offset_bytes` is where in its file the source begins. */
  constructor(source: AsyncIterable<Uint8Array>, offset_bytes: number = 0) {
    this.#offset_bytes = offset_bytes;
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Where in the file the next byte stands. */
  get offset_bytes(): number {
    return this.#offset_bytes;
  }

  /** The next `size_bytes`, in memory of their own; fewer if the source ends before. */
  async read(size_bytes: number): Promise<Buffer> {
    const bytes = Buffer.alloc(size_bytes);
    let filled = 0;
    while (filled < size_bytes && (await this.#fill())) {
      const taken = this.#piece.subarray(0, size_bytes - filled);
      bytes.set(taken, filled);
      filled += taken.length;
      this.#piece = this.#piece.subarray(taken.length);
    }
    this.#offset_bytes += filled;
    return bytes.subarray(0, filled);
  }

  /** Whether nothing is left. */
  async atEnd(): Promise<boolean> {
    return !(await this.#fill());
  }

  /** Lets go of the source, wherever it is. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #fill(): Promise<boolean> {
    while (this.#piece.length === 0) {
      const next = await this.#source.next();
      if (next.done === true) {
        return false;
      }
      this.#piece = next.value;
    }
    return true;
  }
}
