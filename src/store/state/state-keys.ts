// SPDX-License-Identifier: Apache-2.0
// Where the records of one generation of the state stand. A generation is one range of keys, so that a snapshot can be
// built up beside the state that serves, and take its place by a change of one number.
import { pooledWriter, u64Bytes } from '../../common/index.ts';
import type { Keyring } from '../../crypto/index.ts';
import { generationPrefix, type KeyRange, rangeFrom } from '../../storage/index.ts';

/** The kinds of records: one character, which follows on the generation in the key. */
const STATE_KIND = {
  secret: 's',
  /** Which secret has a name, for reads by name before all secrets are in memory. */
  name: 'n',
  value: 'v',
  delivery: 'd',
  request: 'r',
  object: 'o',
} as const;
export type StateKind = keyof typeof STATE_KIND;

const HASH_BYTES = 16;
/** What an id takes at most as it is written, and the number of a version. */
const VALUE_NAME_BYTES = 96;

/** The keys of one generation. No name and no id stands in them: those are hashed under the index key. */
export class StateKeys {
  readonly generation: number;
  readonly #keyring: Keyring;
  readonly #prefixes: Readonly<Record<StateKind, Buffer>>;

  constructor(keyring: Keyring, generation: number) {
    this.#keyring = keyring;
    this.generation = generation;
    const prefix = (kind: StateKind): Buffer =>
      Buffer.concat([generationPrefix(generation), Buffer.from(STATE_KIND[kind])]);
    this.#prefixes = {
      secret: prefix('secret'),
      name: prefix('name'),
      value: prefix('value'),
      delivery: prefix('delivery'),
      request: prefix('request'),
      object: prefix('object'),
    };
  }

  range(kind: StateKind): KeyRange {
    return rangeFrom(this.#prefixes[kind]);
  }

  secret(id: string): Buffer {
    return this.#hashed('secret', Buffer.from(id));
  }

  /** `folded` is the form of the name that is compared: see `nameKey`. */
  name(folded: string): Buffer {
    return this.#hashed('name', Buffer.from(folded));
  }

  value(secretId: string, version: number): Buffer {
    return this.#hashed('value', pooledWriter(VALUE_NAME_BYTES).text(secretId).u32(version).finish());
  }

  /** A page of one of the rings: see `RingPages`. */
  page(ring: 'delivery' | 'request', page: number): Buffer {
    return Buffer.concat([this.#prefixes[ring], u64Bytes(page)]);
  }

  /** `name` is what `objectKey` makes of an object of the cluster. */
  object(name: string): Buffer {
    return this.#hashed('object', Buffer.from(name));
  }

  #hashed(kind: StateKind, name: Buffer): Buffer {
    const prefix = this.#prefixes[kind];
    const key = Buffer.allocUnsafe(prefix.length + HASH_BYTES);
    key.set(prefix);
    this.#keyring.keyedHash(`key ${STATE_KIND[kind]}`, name).copy(key, prefix.length, 0, HASH_BYTES);
    return key;
  }
}
