// SPDX-License-Identifier: Apache-2.0
// One chunk of a backup's payload: sealed for its number, and for being the last one or not.
import { hkdfSync } from 'node:crypto';
import { writeU64 } from '../common/index.ts';
import { KEY_BYTES, NONCE_BYTES, open, SEAL_OVERHEAD_BYTES, SealScratch } from '../crypto/index.ts';
import { CHUNK_BYTES } from './format.ts';

const PREFIX_BYTES = 15;
const PREFIX_PURPOSE = 'coffer-backup/1 nonce prefix';
const PAYLOAD_PURPOSE = 'coffer-backup/1 payload key';
const NO_HEAD = Buffer.alloc(0);

/** How much longer a box is than what is in it; the nonce is not written. */
export const BOX_OVERHEAD_BYTES = SEAL_OVERHEAD_BYTES - NONCE_BYTES;
/** The longest box that a chunk has. */
export const BOX_BYTES_MAX = CHUNK_BYTES + BOX_OVERHEAD_BYTES;

/** The key of the payload that follows on a header with this digest. The caller wipes it. */
export function payloadKeyOf(fileKey: Buffer, headerDigest: Buffer): Buffer {
  return derived(fileKey, headerDigest, PAYLOAD_PURPOSE, KEY_BYTES);
}

/** Seals and opens chunks under a payload key, which stays the caller's. */
export class ChunkCipher {
  readonly #key: Buffer;
  readonly #prefix: Buffer;
  readonly #scratch = new SealScratch(CHUNK_BYTES + NONCE_BYTES + BOX_OVERHEAD_BYTES);

  constructor(payloadKey: Buffer) {
    this.#key = payloadKey;
    this.#prefix = derived(payloadKey, Buffer.alloc(0), PREFIX_PURPOSE, PREFIX_BYTES);
  }

  /** The box of the chunk. A number is used once under a key. */
  seal(number: number, last: boolean, content: Uint8Array): Buffer {
    const sealed = this.#scratch.seal(this.#key, this.#nonce(number, last), 0, NO_HEAD, [content]);
    return sealed.subarray(NONCE_BYTES);
  }

  /** undefined unless the box is that of this chunk. The caller wipes the content. */
  open(number: number, last: boolean, box: Uint8Array): Buffer | undefined {
    return open(this.#key, Buffer.concat([this.#nonce(number, last), box]));
  }

  #nonce(number: number, last: boolean): Buffer {
    const nonce = Buffer.alloc(NONCE_BYTES);
    nonce.set(this.#prefix);
    nonce[writeU64(nonce, number, PREFIX_BYTES)] = last ? 1 : 0;
    return nonce;
  }
}

function derived(key: Buffer, salt: Buffer, purpose: string, size_bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', key, salt, purpose, size_bytes));
}
