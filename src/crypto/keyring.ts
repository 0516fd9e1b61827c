// SPDX-License-Identifier: Apache-2.0
// The node's keys: data keys that seal its records, and the index key that hides names in database keys.
import { createHash, createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { CofferError, invariant } from '../common/index.ts';
import { KEY_BYTES, NONCE_BYTES, type RandomBytes, SealScratch } from './secretbox.ts';

export const KEY_ID_BYTES = 8;
export const RECORD_FORMAT = 1;

const NONCES_DRAWN_BYTES = 4_096;
const DIGEST_BYTES = 32;

/** A 256-bit key with the id that records name it by: the first 8 bytes of a hash of the key. */
export interface DataKey {
  readonly id: Buffer;
  readonly bytes: Buffer;
}

export function dataKey(bytes: Buffer): DataKey {
  const digest = createHash('sha256').update('coffer data key id\0').update(bytes).digest();
  return { id: digest.subarray(0, KEY_ID_BYTES), bytes };
}

/**
 * The keys of one node. New records are sealed under the active key; the others still open old records. In a rotation a key
 * is added, made the active one, and what it takes the place of is dropped once nothing is sealed under that any more.
 */
export class Keyring {
  readonly indexKey: Buffer;
  #active: DataKey;
  readonly #random: RandomBytes;
  readonly #scratch = new SealScratch();
  /** The index key as OpenSSL holds it, which overwrites its copy when this is collected. */
  readonly #hashKey: KeyObject;
  /** What each new record begins with. */
  #recordHead: Buffer;
  readonly #placeLength: Buffer = Buffer.alloc(4);
  /** Random bytes that were drawn for nonces, of which those from `#noncesUsed` on are still to be used. */
  #nonces: Buffer = Buffer.alloc(0);
  #noncesUsed = 0;
  readonly #byId: Map<string, DataKey>;

  constructor(
    active: DataKey,
    retired: readonly DataKey[],
    indexKey: Buffer,
    random: RandomBytes = randomBytes,
  ) {
    this.#active = active;
    this.indexKey = indexKey;
    this.#random = random;
    this.#hashKey = createSecretKey(indexKey);
    this.#recordHead = recordHead(active);
    this.#byId = new Map([...retired, active].map((key) => [key.id.toString('hex'), key]));
  }

  /** New keys. They, and the nonces of all that is sealed under them, come from `random`: by default the system's. */
  static generate(random: RandomBytes = randomBytes): Keyring {
    return new Keyring(dataKey(random(KEY_BYTES)), [], random(KEY_BYTES), random);
  }

  /** The key that new records are sealed under. */
  get active(): DataKey {
    return this.#active;
  }

  /** Those that only open what was sealed under them. */
  get retired(): readonly DataKey[] {
    return this.all().filter((key) => key !== this.#active);
  }

  /** A new key, which opens records from now on, and seals none yet. It must be durable before it is made the active one. */
  add(): DataKey {
    const key = dataKey(this.#random(KEY_BYTES));
    this.#byId.set(key.id.toString('hex'), key);
    return key;
  }

  /** New records are sealed under this key from now on. */
  activate(key: DataKey): void {
    invariant(this.find(key.id) === key, 'an active key is one of the keyring');
    this.#active = key;
    this.#recordHead = recordHead(key);
  }

  /** Whether a record is sealed under the active key. */
  isActive(record: Uint8Array): boolean {
    return this.#recordHead.equals(record.subarray(0, this.#recordHead.length));
  }

  /** Overwrites and forgets these keys: nothing must be sealed under them any more. */
  drop(keys: readonly DataKey[]): void {
    for (const key of keys) {
      invariant(key !== this.#active, 'the active key stays');
      this.#byId.delete(key.id.toString('hex'));
      key.bytes.fill(0);
    }
  }

  /**
   * Seals place and payload, as `sealRecord` promises, under the active key: u8 format, the key's id (8 bytes), a nonce of
   * its own, and the box of u32 length of the place, place, and payload.
   */
  seal(place: Uint8Array, payload: Uint8Array): Buffer {
    this.#placeLength.writeUInt32BE(place.length);
    // Drawn first: that may put other bytes in the place of those that are left.
    const nonceAt = this.#drawNonce();
    const parts = [this.#placeLength, place, payload];
    return this.#scratch.seal(this.#active.bytes, this.#nonces, nonceAt, this.#recordHead, parts);
  }

  find(id: Uint8Array): DataKey | undefined {
    return this.#byId.get(Buffer.from(id).toString('hex'));
  }

  all(): readonly DataKey[] {
    return [...this.#byId.values()];
  }

  /** HMAC-SHA-256 under the index key. `purpose` keeps the uses apart. */
  keyedHash(purpose: string, ...parts: readonly Uint8Array[]): Buffer {
    const mac = createHmac('sha256', this.#hashKey).update(`${purpose}\0`);
    for (const part of parts) {
      mac.update(part);
    }
    // By way of a string, and small enough to lie in V8's heap: memory that OpenSSL's side hands over costs as much again.
    const digest = Buffer.alloc(DIGEST_BYTES);
    digest.write(mac.digest('binary'), 'binary');
    return digest;
  }

  /** Where the next nonce stands. They are drawn many at a time: asking the system costs more than they do. */
  #drawNonce(): number {
    if (this.#noncesUsed + NONCE_BYTES > this.#nonces.length) {
      this.#nonces = this.#random(NONCES_DRAWN_BYTES);
      this.#noncesUsed = 0;
    }
    const start = this.#noncesUsed;
    this.#noncesUsed = start + NONCE_BYTES;
    return start;
  }

  /** Overwrites every key. The keyring must not be used afterwards. */
  wipe(): void {
    for (const key of this.#byId.values()) {
      key.bytes.fill(0);
    }
    this.indexKey.fill(0);
  }
}

function recordHead({ id }: DataKey): Buffer {
  return Buffer.concat([Buffer.of(RECORD_FORMAT), id]);
}

/** Throws `store.damaged` unless `bytes` is a key. */
export function checkKey(bytes: Buffer, what: string): Buffer {
  if (bytes.length !== KEY_BYTES) {
    throw new CofferError('store.damaged', `${what} has ${bytes.length} bytes instead of ${KEY_BYTES}`);
  }
  return bytes;
}
