// SPDX-License-Identifier: Apache-2.0
// The applied state on LevelDB. Its changes ride in the next batch of the log and need no sync of their own: what a
// crash takes from them, the log brings back.
import { ByteReader, ByteWriter, CofferError, SecretValue } from '../common/index.ts';
import { type Keyring, openRecord, sealRecord } from '../crypto/index.ts';
import type { Delivery, Effect } from '../secrets/index.ts';
import { APPLIED_KEY, type Database, type DatabaseOperation, rangeOf } from '../storage/index.ts';
import { decodeDelivery, decodeSecret, encodeDelivery, encodeSecret } from './record-codec.ts';
import { SecretIndex } from './secret-index.ts';
import { StateDigest } from './state-digest.ts';

const SECRET_PREFIX = 's';
const VALUE_PREFIX = 'v';
const DELIVERY_PREFIX = 'd';
const HASH_BYTES = 16;
const DIGEST_BYTES = 32;

/** A change that is not on disk yet: what stands under the key, undefined for nothing. */
interface Change {
  readonly key: Buffer;
  readonly record: Buffer | undefined;
}

/** The changes that one batch takes along; `written` lets go of them. */
export interface StateBatch {
  readonly operations: readonly DatabaseOperation[];
  readonly changes: readonly Change[];
}

/** The secrets as they are applied: the index in memory, the records on disk, and the changes in between. */
export class SecretState {
  readonly #database: Database;
  readonly #keyring: Keyring;
  readonly #index = new SecretIndex();
  readonly #changes = new Map<string, Change>();
  #digest: StateDigest;
  #appliedIndex = 0;
  #changed = false;

  private constructor(database: Database, keyring: Keyring) {
    this.#database = database;
    this.#keyring = keyring;
    this.#digest = new StateDigest(keyring);
  }

  /** The operations that make an empty state. */
  static createOperations(keyring: Keyring): readonly DatabaseOperation[] {
    return [headerOperation(keyring, 0, 0, new StateDigest(keyring))];
  }

  /** Reads all metadata. Throws `store.damaged` if a record does not open, is missing, or is of an older state. */
  static async open(database: Database, keyring: Keyring): Promise<SecretState> {
    const state = new SecretState(database, keyring);
    const header = readHeader(database, keyring);
    for await (const group of database.groups(rangeOf(SECRET_PREFIX), 'the records of secrets')) {
      for (const [key, record] of group) {
        const payload = openRecord(keyring, key, record, 'the record of a secret');
        state.#digest.add(payload);
        state.#index.apply({ kind: 'put-secret', secret: decodeSecret(payload) });
      }
    }
    const deliveries: ReturnType<typeof decodeDelivery>[] = [];
    for await (const group of database.groups(rangeOf(DELIVERY_PREFIX), 'the records of deliveries')) {
      for (const [key, record] of group) {
        const payload = openRecord(keyring, key, record, 'the record of a delivery');
        state.#digest.add(payload);
        deliveries.push(decodeDelivery(payload));
      }
    }
    if (!state.#digest.equals(header.digest)) {
      throw new CofferError(
        'store.damaged',
        `the database holds ${state.#digest.count} records of secrets and deliveries that differ from the ` +
          `${header.digest.count} that were written`,
      );
    }
    state.#index.restoreDeliveries(deliveries, header.deliveriesRecorded);
    state.#appliedIndex = header.appliedIndex;
    return state;
  }

  get index(): SecretIndex {
    return this.#index;
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  /** Whether there is something that `batch` would take along. */
  get changed(): boolean {
    return this.#changed;
  }

  /** Takes up what the entry at `index` came to. */
  apply(index: number, effects: readonly Effect[]): void {
    for (const effect of effects) {
      this.#digestAndKeep(effect);
      this.#index.apply(effect);
    }
    this.#appliedIndex = index;
    this.#changed = true;
  }

  /** All changes so far, for one batch. They are read from memory until `written` is called with them. */
  batch(): StateBatch {
    const changes = [...this.#changes.values()];
    const operations = changes.map(
      ({ key, record }): DatabaseOperation =>
        record === undefined ? { type: 'del', key } : { type: 'put', key, value: record },
    );
    this.#changed = false;
    const { deliveriesRecorded } = this.#index;
    return {
      changes,
      operations: [
        ...operations,
        headerOperation(this.#keyring, this.#appliedIndex, deliveriesRecorded, this.#digest),
      ],
    };
  }

  /** The changes of this batch are in the database. */
  written(batch: StateBatch): void {
    for (const change of batch.changes) {
      const mapKey = change.key.toString('latin1');
      // A newer change under the same key stays.
      if (this.#changes.get(mapKey) === change) {
        this.#changes.delete(mapKey);
      }
    }
  }

  /** Opens a value. Throws `store.damaged` if its record is missing or does not open; others are not concerned. */
  readValue(secretId: string, version: number): SecretValue {
    const key = this.#valueKey(secretId, version);
    const change = this.#changes.get(key.toString('latin1'));
    const what = `the value of version ${version} of secret ${secretId}`;
    try {
      const record = change === undefined ? this.#database.get(key, what) : change.record;
      if (record === undefined) {
        throw new CofferError('store.damaged', `${what} is missing from the database`);
      }
      return SecretValue.takeOver(openRecord(this.#keyring, key, record, what));
    } catch (thrown) {
      throw withMend(thrown);
    }
  }

  #digestAndKeep(effect: Effect): void {
    switch (effect.kind) {
      case 'put-secret': {
        const previous = this.#index.byId(effect.secret.id);
        if (previous !== undefined) {
          this.#digest.remove(encodeSecret(previous));
        }
        const payload = encodeSecret(effect.secret);
        this.#digest.add(payload);
        this.#keep(this.#secretKey(effect.secret.id), payload);
        break;
      }
      case 'delete-secret':
        this.#digest.remove(encodeSecret(effect.secret));
        this.#keep(this.#secretKey(effect.secret.id), undefined);
        break;
      case 'put-value':
        this.#keep(this.#valueKey(effect.secretId, effect.version), effect.value.expose());
        break;
      case 'delete-value':
        this.#keep(this.#valueKey(effect.secretId, effect.version), undefined);
        break;
      case 'put-delivery':
        this.#digestDelivery(effect.slot, effect.delivery);
        break;
    }
  }

  #digestDelivery(slot: number, delivery: Delivery): void {
    const previous = this.#index.deliveryAt(slot);
    if (previous !== undefined) {
      this.#digest.remove(encodeDelivery(slot, previous));
    }
    const payload = encodeDelivery(slot, delivery);
    this.#digest.add(payload);
    this.#keep(new ByteWriter().fixed(Buffer.from(DELIVERY_PREFIX)).u32(slot).finish(), payload);
  }

  #keep(key: Buffer, payload: Buffer | undefined): void {
    const record = payload === undefined ? undefined : sealRecord(this.#keyring, key, payload);
    this.#changes.set(key.toString('latin1'), { key, record });
  }

  #secretKey(id: string): Buffer {
    return this.#hashedKey(SECRET_PREFIX, Buffer.from(id));
  }

  #valueKey(id: string, version: number): Buffer {
    return this.#hashedKey(VALUE_PREFIX, new ByteWriter().text(id).u32(version).finish());
  }

  #hashedKey(prefix: string, name: Buffer): Buffer {
    const hash = this.#keyring.keyedHash(`key ${prefix}`, name).subarray(0, HASH_BYTES);
    return Buffer.concat([Buffer.from(prefix), hash]);
  }
}

function withMend(thrown: unknown): unknown {
  if (!(thrown instanceof CofferError) || thrown.code !== 'store.damaged') {
    return thrown;
  }
  return new CofferError(thrown.code, thrown.detail, {
    cause: thrown,
    hint: 'Store the value again under that name, or put back a copy of the state directory from before the damage.',
  });
}

function headerOperation(
  keyring: Keyring,
  appliedIndex: number,
  deliveriesRecorded: number,
  digest: StateDigest,
): DatabaseOperation {
  const payload = new ByteWriter()
    .u64(appliedIndex)
    .u64(deliveriesRecorded)
    .u32(digest.count)
    .fixed(digest.sum)
    .finish();
  return { type: 'put', key: APPLIED_KEY, value: sealRecord(keyring, APPLIED_KEY, payload) };
}

function readHeader(
  database: Database,
  keyring: Keyring,
): { readonly appliedIndex: number; readonly deliveriesRecorded: number; readonly digest: StateDigest } {
  const what = 'the record of how far the database is applied';
  const record = database.get(APPLIED_KEY, what);
  if (record === undefined) {
    throw new CofferError('store.damaged', `the database has lost ${what}`);
  }
  const reader = new ByteReader(openRecord(keyring, APPLIED_KEY, record, what), what);
  const appliedIndex = reader.u64();
  const deliveriesRecorded = reader.u64();
  const count = reader.u32();
  const digest = new StateDigest(keyring, reader.fixed(DIGEST_BYTES), count);
  reader.finish();
  return { appliedIndex, deliveriesRecorded, digest };
}
