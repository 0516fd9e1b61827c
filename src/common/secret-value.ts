// SPDX-License-Identifier: Apache-2.0
// A secret's value while it is in memory: bytes that do not print, and that can be wiped.
import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/**
 * The bytes of a secret. It prints as `[redacted]` wherever it is printed, logged or serialised, so that a
 * value cannot leave by accident; `expose` is the one way out, and easy to search for.
 */
export class SecretValue {
  readonly #bytes: Buffer;

  private constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Takes `bytes` over without a copy: the caller must not keep or change them. */
  static takeOver(bytes: Buffer): SecretValue {
    return new SecretValue(bytes);
  }

  /** Copies `bytes` into memory of its own, outside Node's shared buffer pool. */
  static copyOf(bytes: Uint8Array): SecretValue {
    const own = Buffer.alloc(bytes.length);
    own.set(bytes);
    return new SecretValue(own);
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  /** The bytes themselves, not a copy. They are zeros after `wipe`. */
  expose(): Buffer {
    return this.#bytes;
  }

  /** Compares in a time that depends on the lengths alone. */
  equals(other: SecretValue): boolean {
    // Not imported: Node's cryptography takes milliseconds to load, and the command line, which compares nothing, starts without it.
    const { timingSafeEqual } = process.getBuiltinModule('node:crypto');
    return this.byteLength === other.byteLength && timingSafeEqual(this.#bytes, other.#bytes);
  }

  /** Overwrites the bytes with zeros. The value must not be used afterwards. */
  wipe(): void {
    this.#bytes.fill(0);
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
