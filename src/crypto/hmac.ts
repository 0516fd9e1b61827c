// SPDX-License-Identifier: Apache-2.0
// HMAC-SHA-256 (RFC 2104) under a key that stays. Node's own takes an object outside its heap for each message, which costs
// more than the hashing; this is OpenSSL's SHA-256 over the same two messages, and the tests hold it against Node's.
import { hash } from 'node:crypto';
import { invariant } from '../common/index.ts';

const BLOCK_BYTES = 64;
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;
const DIGEST_BYTES = 32;
/** Room for a message after the padded key and the purpose; longer ones get memory of their own. */
const MESSAGE_BYTES = 1_024;

/** What is hashed first: the padded key and the purpose stand in it, and the message comes after them. */
interface Inner {
  readonly bytes: Buffer;
  readonly messageAt: number;
}

export class HmacSha256 {
  readonly #innerKey: Buffer = Buffer.alloc(BLOCK_BYTES);
  /** One for each purpose, of which a program has a few. */
  readonly #inner = new Map<string, Inner>();
  /** The padded key, and after it the digest of the inner message. */
  readonly #outer: Buffer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES);

  constructor(key: Uint8Array) {
    invariant(key.length <= BLOCK_BYTES, 'a key fits into a block');
    for (let at = 0; at < BLOCK_BYTES; at += 1) {
      this.#innerKey[at] = (key[at] ?? 0) ^ INNER_PAD;
      this.#outer[at] = (key[at] ?? 0) ^ OUTER_PAD;
    }
  }

  /** The 32 bytes for `purpose`, a byte of zero, and `parts`, one after the other. */
  of(purpose: string, parts: readonly Uint8Array[]): Buffer {
    const prepared = this.#innerOf(purpose);
    let end = prepared.messageAt;
    for (const part of parts) {
      end += part.length;
    }
    const fits = end <= prepared.bytes.length;
    const bytes = fits ? prepared.bytes : Buffer.alloc(end);
    if (!fits) {
      bytes.set(prepared.bytes.subarray(0, prepared.messageAt));
    }
    let at = prepared.messageAt;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    // By way of strings: memory that OpenSSL's side hands over costs more than all of the hashing.
    this.#outer.write(hash('sha256', bytes.subarray(0, end), 'binary'), BLOCK_BYTES, 'binary');
    // Small enough to lie in V8's heap: a slice of Node's pool would keep all of its piece for as long as it is kept.
    const digest = Buffer.alloc(DIGEST_BYTES);
    digest.write(hash('sha256', this.#outer, 'binary'), 'binary');
    if (!fits) {
      bytes.fill(0);
    }
    return digest;
  }

  /** Overwrites the key. It must not be used afterwards. */
  wipe(): void {
    this.#innerKey.fill(0);
    this.#outer.fill(0);
    for (const { bytes } of this.#inner.values()) {
      bytes.fill(0);
    }
  }

  #innerOf(purpose: string): Inner {
    const known = this.#inner.get(purpose);
    if (known !== undefined) {
      return known;
    }
    const head = Buffer.concat([this.#innerKey, Buffer.from(`${purpose}\0`)]);
    const inner = { bytes: Buffer.alloc(head.length + MESSAGE_BYTES), messageAt: head.length };
    inner.bytes.set(head);
    head.fill(0);
    this.#inner.set(purpose, inner);
    return inner;
  }
}
