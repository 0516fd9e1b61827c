// SPDX-License-Identifier: Apache-2.0
// HMAC-SHA-256 (RFC 2104) under a key that stays. Node's own takes an object outside its heap for each message, which costs
// more than the hashing; this is OpenSSL's SHA-256 over the same two messages, and the tests hold it against Node's.
import { hash } from 'node:crypto';
import { invariant } from '../common/index.ts';

const BLOCK_BYTES = 64;
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;
const DIGEST_BYTES = 32;
/** Longer messages get memory of their own. */
const SCRATCH_BYTES = 8 * 1024;

export class HmacSha256 {
  /** The padded key, and after it the message. */
  readonly #inner: Buffer = Buffer.alloc(BLOCK_BYTES + SCRATCH_BYTES, 0);
  /** The padded key, and after it the digest of the inner one. */
  readonly #outer: Buffer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES, 0);

  constructor(key: Uint8Array) {
    invariant(key.length <= BLOCK_BYTES, 'a key fits into a block');
    for (let at = 0; at < BLOCK_BYTES; at += 1) {
      this.#inner[at] = (key[at] ?? 0) ^ INNER_PAD;
      this.#outer[at] = (key[at] ?? 0) ^ OUTER_PAD;
    }
  }

  /** The 32 bytes for `purpose`, a byte of zero, and `parts`, one after the other. */
  of(purpose: string, parts: readonly Uint8Array[]): Buffer {
    const purposeAt = BLOCK_BYTES;
    const end = parts.reduce((sum, part) => sum + part.length, purposeAt + Buffer.byteLength(purpose) + 1);
    const inner = end <= this.#inner.length ? this.#inner : this.#longer(end);
    let at = purposeAt + inner.write(purpose, purposeAt);
    inner[at] = 0;
    at += 1;
    for (const part of parts) {
      inner.set(part, at);
      at += part.length;
    }
    // By way of strings: memory that OpenSSL's side hands over costs more than all of the hashing.
    this.#outer.write(hash('sha256', inner.subarray(0, end), 'binary'), BLOCK_BYTES, 'binary');
    // Small enough to lie in V8's heap: a slice of Node's pool would keep all of its piece for as long as it is kept.
    const digest = Buffer.alloc(DIGEST_BYTES);
    digest.write(hash('sha256', this.#outer, 'binary'), 'binary');
    if (inner !== this.#inner) {
      inner.fill(0);
    }
    return digest;
  }

  /** Overwrites the key. It must not be used afterwards. */
  wipe(): void {
    this.#inner.fill(0);
    this.#outer.fill(0);
  }

  #longer(length: number): Buffer {
    const inner = Buffer.alloc(length);
    this.#inner.copy(inner, 0, 0, BLOCK_BYTES);
    return inner;
  }
}
