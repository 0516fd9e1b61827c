// SPDX-License-Identifier: Apache-2.0
// NaCl's secretbox: XSalsa20 and Poly1305 under a 256-bit key (tweetnacl).
import { randomBytes } from 'node:crypto';
import nacl from 'tweetnacl';
import { invariant } from '../common/index.ts';

/** That many bytes that nobody can guess. A simulation gives bytes that it can repeat instead. */
export type RandomBytes = (size: number) => Buffer;

export const KEY_BYTES = nacl.secretbox.keyLength;
export const NONCE_BYTES = nacl.secretbox.nonceLength;
/** How much longer a sealed message is than the message: the nonce and the authenticator. */
export const SEAL_OVERHEAD_BYTES = NONCE_BYTES + nacl.secretbox.overheadLength;

/** NaCl's own calling convention: the message has 32 zero bytes before it, the box 16. */
const MESSAGE_PADDING_BYTES = 32;
const BOX_PADDING_BYTES = 16;

/** tweetnacl exports the calls underneath its API, and its types leave them out. */
interface LowLevel {
  crypto_secretbox(
    box: Uint8Array,
    message: Uint8Array,
    length: number,
    nonce: Uint8Array,
    key: Uint8Array,
  ): number;
  crypto_secretbox_open(
    message: Uint8Array,
    box: Uint8Array,
    length: number,
    nonce: Uint8Array,
    key: Uint8Array,
  ): number;
}
const { lowlevel } = nacl as unknown as { readonly lowlevel: LowLevel };

/** What a scratch holds, padding included; larger messages get memory of their own. */
const SCRATCH_BYTES = 16 * 1024;

/** Sealed messages up to the second size are cut from pieces of the first: each piece costs the system as much as some seals. */
const PIECE_BYTES = 64 * 1024;
const SHARED_BYTES_MAX = 4 * 1024;

/** Memory for one message at a time, so that not every seal takes and returns some. Wiped after each use. */
export class SealScratch {
  readonly #message: Buffer;
  readonly #nonce: Buffer = Buffer.alloc(NONCE_BYTES);
  /** Memory for what comes out, of which the bytes before `#used` are given away. */
  #piece: Buffer = Buffer.alloc(0);
  #used = 0;

  constructor(size_bytes: number = SCRATCH_BYTES) {
    this.#message = Buffer.alloc(size_bytes);
  }

  /**
   * Seals `parts`, one after the other, under the nonce that stands in `nonces` at `nonceAt`: a new buffer of `head`, nonce
   * (24 bytes), and the box. The calls underneath are used so that the padded copy of the message can be wiped, which
   * `nacl.secretbox` leaves to the garbage collector.
   */
  seal(
    key: Uint8Array,
    nonces: Buffer,
    nonceAt: number,
    head: Uint8Array,
    parts: readonly Uint8Array[],
  ): Buffer {
    invariant(key.length === KEY_BYTES, 'a secretbox key has 32 bytes');
    invariant(nonces.length >= nonceAt + NONCE_BYTES, 'a nonce has 24 bytes');
    const nonce = this.#nonce;
    nonces.copy(nonce, 0, nonceAt);
    let padded_bytes = MESSAGE_PADDING_BYTES;
    for (const part of parts) {
      padded_bytes += part.length;
    }
    const message = padded_bytes <= this.#message.length ? this.#message : Buffer.alloc(padded_bytes);
    let offset = MESSAGE_PADDING_BYTES;
    for (const part of parts) {
      message.set(part, offset);
      offset += part.length;
    }
    // The box is made in its place: its padding, which comes out as zeros, lies where the nonce is written afterwards.
    const boxAt = head.length + NONCE_BYTES - BOX_PADDING_BYTES;
    const sealed = this.#take(boxAt + padded_bytes);
    lowlevel.crypto_secretbox(sealed.subarray(boxAt), message, padded_bytes, nonce, key);
    message.fill(0, MESSAGE_PADDING_BYTES, padded_bytes);
    sealed.set(head);
    sealed.set(nonce, head.length);
    return sealed;
  }

  /** Nothing secret is in what comes out, and it is not kept for long, so that it may share memory. */
  #take(size_bytes: number): Buffer {
    if (size_bytes > SHARED_BYTES_MAX) {
      return Buffer.allocUnsafeSlow(size_bytes);
    }
    if (this.#used + size_bytes > this.#piece.length) {
      this.#piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used = start + size_bytes;
    return this.#piece.subarray(start, this.#used);
  }
}

const NO_HEAD = Buffer.alloc(0);

/** Seals `message` under a random nonce: nonce (24 bytes), then the box. */
export function seal(key: Uint8Array, message: Uint8Array, random: RandomBytes = randomBytes): Buffer {
  const scratch = new SealScratch(MESSAGE_PADDING_BYTES + message.length);
  return scratch.seal(key, random(NONCE_BYTES), 0, NO_HEAD, [message]);
}

/** Opens what `seal` made; undefined for anything else. The caller owns the plaintext and wipes it. */
export function open(key: Uint8Array, sealed: Uint8Array): Buffer | undefined {
  invariant(key.length === KEY_BYTES, 'a secretbox key has 32 bytes');
  if (sealed.length < SEAL_OVERHEAD_BYTES) {
    return undefined;
  }
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const box = Buffer.alloc(BOX_PADDING_BYTES + sealed.length - NONCE_BYTES);
  box.set(sealed.subarray(NONCE_BYTES), BOX_PADDING_BYTES);
  const message = Buffer.alloc(box.length);
  if (lowlevel.crypto_secretbox_open(message, box, box.length, nonce, key) !== 0) {
    return undefined;
  }
  return message.subarray(MESSAGE_PADDING_BYTES);
}
