// SPDX-License-Identifier: Apache-2.0
import type { Keyring } from '../../crypto/index.ts';

export const DIGEST_BYTES = 32;

/**
 * A digest of a set of records that follows each change in constant time: the exclusive or of each record's
 * HMAC (MSet-XOR-Hash of Clarke, Devadas, van Dijk, Gassend and Suh, "Incremental Multiset Hash Functions",
 * 2003; a keyed construction, and every record holds an id or a slot of its own, so none occurs twice). It tells whether
 * the database still holds all the records that it should, and none of an older state. The kind of a record is part of
 * what is hashed, so that one of another kind with the same bytes is another record.
 */
export class StateDigest {
  readonly #keyring: Keyring;
  readonly #sum: Buffer;
  #count: number;

  constructor(keyring: Keyring, sum: Buffer = Buffer.alloc(DIGEST_BYTES), count = 0) {
    this.#keyring = keyring;
    this.#sum = Buffer.from(sum);
    this.#count = count;
  }

  get sum(): Buffer {
    return Buffer.from(this.#sum);
  }

  get count(): number {
    return this.#count;
  }

  /** The digest as it is now. */
  copy(): StateDigest {
    return new StateDigest(this.#keyring, this.#sum, this.#count);
  }

  /** Returns what the record adds, with which it can be taken out again. */
  add(kind: string, record: Buffer): Buffer {
    const hash = this.#hashOf(kind, record);
    this.#mix(hash);
    this.#count += 1;
    return hash;
  }

  remove(kind: string, record: Buffer): void {
    this.takeOut(this.#hashOf(kind, record));
  }

  /** Takes out the record that `add` has returned this for. */
  takeOut(added: Buffer): void {
    this.#mix(added);
    this.#count -= 1;
  }

  equals(other: StateDigest): boolean {
    return this.#count === other.#count && this.#sum.equals(other.#sum);
  }

  #hashOf(kind: string, record: Buffer): Buffer {
    return this.#keyring.keyedHash(`state digest\0${kind}`, record);
  }

  #mix(hash: Buffer): void {
    for (let index = 0; index < DIGEST_BYTES; index += 1) {
      this.#sum[index] = (this.#sum[index] ?? 0) ^ (hash[index] ?? 0);
    }
  }
}
