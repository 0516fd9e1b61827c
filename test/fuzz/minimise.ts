// SPDX-License-Identifier: Apache-2.0
// The smallest input that still fails in the same way: pieces are left out, large ones first, and what stays is made plain.

const ATTEMPTS_MAX = 1_500;
const PLAIN = 0x30;

/** `fails` says whether an input fails as the given one does. */
export function minimise(failing: Buffer, fails: (bytes: Buffer) => Promise<boolean>): Promise<Buffer> {
  return new Minimiser(failing, fails).run();
}

class Minimiser {
  readonly #fails: (bytes: Buffer) => Promise<boolean>;
  #smallest: Buffer;
  #attempts = 0;

  constructor(failing: Buffer, fails: (bytes: Buffer) => Promise<boolean>) {
    this.#smallest = failing;
    this.#fails = fails;
  }

  get #isSpent(): boolean {
    return this.#attempts >= ATTEMPTS_MAX;
  }

  async run(): Promise<Buffer> {
    for (let size = Math.ceil(this.#smallest.length / 2); size >= 1; size = Math.floor(size / 2)) {
      await this.#leaveOut(size);
    }
    await this.#makePlain();
    return this.#smallest;
  }

  async #leaveOut(size: number): Promise<void> {
    let at = 0;
    while (at < this.#smallest.length && !this.#isSpent) {
      const rest = [this.#smallest.subarray(0, at), this.#smallest.subarray(at + size)];
      at += (await this.#take(Buffer.concat(rest))) ? 0 : size;
    }
  }

  async #makePlain(): Promise<void> {
    for (let at = 0; at < this.#smallest.length && !this.#isSpent; at += 1) {
      const plain = Buffer.from(this.#smallest);
      plain[at] = PLAIN;
      await this.#take(plain);
    }
  }

  async #take(candidate: Buffer): Promise<boolean> {
    this.#attempts += 1;
    const isTaken = !candidate.equals(this.#smallest) && (await this.#fails(candidate));
    this.#smallest = isTaken ? candidate : this.#smallest;
    return isTaken;
  }
}
