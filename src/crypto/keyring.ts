// SPDX-License-Identifier: Apache-2.0
// The node's keys: data keys that seal its records, and the index key that hides names in database keys.
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { CofferError } from '../common/index.ts';
import { KEY_BYTES, type RandomBytes } from './secretbox.ts';

export const KEY_ID_BYTES = 8;

const NONCES_DRAWN_BYTES = 4_096;

/** A 256-bit key with the id that records name it by: the first 8 bytes of a hash of the key. */
export interface DataKey {
  readonly id: Buffer;
  readonly bytes: Buffer;
}

export function dataKey(bytes: Buffer): DataKey {
  const digest = createHash('sha256').update('coffer data key id\0').update(bytes).digest();
  return { id: digest.subarray(0, KEY_ID_BYTES), bytes };
}

/** The keys of one node. New records are sealed under the active key; the others still open old records. */
export class Keyring {
  readonly active: DataKey;
  readonly indexKey: Buffer;
  readonly #random: RandomBytes;
  /** Random bytes that were drawn for nonces and not used yet. */
  #nonces: Buffer = Buffer.alloc(0);
  readonly #byId: ReadonlyMap<string, DataKey>;

  constructor(
    active: DataKey,
    retired: readonly DataKey[],
    indexKey: Buffer,
    random: RandomBytes = randomBytes,
  ) {
    this.active = active;
    this.indexKey = indexKey;
    this.#random = random;
    this.#byId = new Map([...retired, active].map((key) => [key.id.toString('hex'), key]));
  }

  /** New keys. They, and the nonces of all that is sealed under them, come from `random`: by default the system's. */
  static generate(random: RandomBytes = randomBytes): Keyring {
    return new Keyring(dataKey(random(KEY_BYTES)), [], random(KEY_BYTES), random);
  }

  /** Bytes for the nonce of a new record. They are drawn many at a time: asking the system costs more than they do. */
  readonly nonce = (size: number): Buffer => {
    if (this.#nonces.length < size) {
      this.#nonces = this.#random(NONCES_DRAWN_BYTES);
    }
    const nonce = this.#nonces.subarray(0, size);
    this.#nonces = this.#nonces.subarray(size);
    return nonce;
  };

  find(id: Uint8Array): DataKey | undefined {
    return this.#byId.get(Buffer.from(id).toString('hex'));
  }

  all(): readonly DataKey[] {
    return [...this.#byId.values()];
  }

  /** HMAC-SHA-256 under the index key. `purpose` keeps the uses apart. */
  keyedHash(purpose: string, ...parts: readonly Uint8Array[]): Buffer {
    const mac = createHmac('sha256', this.indexKey).update(purpose).update('\0');
    for (const part of parts) {
      mac.update(part);
    }
    return mac.digest();
  }

  /** Overwrites every key. The keyring must not be used afterwards. */
  wipe(): void {
    for (const key of this.#byId.values()) {
      key.bytes.fill(0);
    }
    this.indexKey.fill(0);
  }
}

/** Throws `store.damaged` unless `bytes` is a key. */
export function checkKey(bytes: Buffer, what: string): Buffer {
  if (bytes.length !== KEY_BYTES) {
    throw new CofferError('store.damaged', `${what} has ${bytes.length} bytes instead of ${KEY_BYTES}`);
  }
  return bytes;
}
