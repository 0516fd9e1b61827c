// SPDX-License-Identifier: Apache-2.0
// What is durable on one node's disk, read from the records that its process wrote.
import { ByteReader } from '../../../src/common/index.ts';
import { type Keyring, openRecord } from '../../../src/crypto/index.ts';
import { ENTRY_TYPES, type HardState } from '../../../src/raft/index.ts';
import { type DatabaseOperation, HARD_STATE_KEY } from '../../../src/storage/index.ts';
import { LOG_START_KEY } from '../../../src/storage/places.ts';
import type { DiskObserver, Records } from '../disk/sim-disk.ts';
import type { EntryRegistry, StoredEntry } from './entry-registry.ts';

const ENTRY_PREFIX = 'l';
const DIGEST_BYTES = 32;
const HARD_STATE = HARD_STATE_KEY.toString('latin1');
const LOG_START = LOG_START_KEY.toString('latin1');

/** The durable log and hard state, as of one moment. */
export interface DurableLog {
  readonly entries: ReadonlyMap<number, StoredEntry>;
  readonly startIndex: number;
  readonly hardState: HardState;
}

const NEW: HardState = { term: 0, vote: 0, commit: 0 };

/** Told when an entry that was durable gives way. */
export type OnRemoved = (entry: StoredEntry) => void;

/** Follows each batch in the time that its operations take. */
export class DiskModel implements DiskObserver, DurableLog {
  readonly #keyring: () => Keyring;
  readonly #registry: EntryRegistry;
  readonly #name: string;
  readonly #onRemoved: OnRemoved;
  readonly #records: () => Records;
  #entries = new Map<number, StoredEntry>();
  #startIndex = 0;
  #lastIndex = 0;
  #hardState = NEW;
  #waiting: DatabaseOperation[] = [];
  /** Records that could not be read when the disk was looked through last. */
  #unreadable = 0;

  constructor(
    name: string,
    keyring: () => Keyring,
    registry: EntryRegistry,
    records: () => Records,
    onRemoved: OnRemoved,
  ) {
    this.#name = name;
    this.#keyring = keyring;
    this.#registry = registry;
    this.#records = records;
    this.#onRemoved = onRemoved;
  }

  get entries(): ReadonlyMap<number, StoredEntry> {
    return this.#entries;
  }

  get startIndex(): number {
    return this.#startIndex;
  }

  get lastIndex(): number {
    return this.#lastIndex;
  }

  get hardState(): HardState {
    return this.#hardState;
  }

  get unreadable(): number {
    return this.#unreadable;
  }

  written(operations: readonly DatabaseOperation[], durable: boolean): void {
    this.#waiting.push(...operations);
    if (durable) {
      const settled = this.#waiting;
      this.#waiting = [];
      this.#take(settled);
    }
  }

  replaced(): void {
    this.#waiting = [];
    this.#entries = new Map();
    this.#startIndex = 0;
    this.#lastIndex = 0;
    this.#hardState = NEW;
    this.#unreadable = 0;
    for (const [key, value] of this.#records()) {
      try {
        this.#put(key, value);
      } catch {
        this.#unreadable += 1;
      }
    }
    this.#forgetCompacted();
    this.#lastIndex = Math.max(this.#startIndex, ...this.#entries.keys());
  }

  /** A copy that stays as it is. */
  copy(): DurableLog {
    return { entries: new Map(this.#entries), startIndex: this.#startIndex, hardState: this.#hardState };
  }

  #take(operations: readonly DatabaseOperation[]): void {
    const startBefore = this.#startIndex;
    const removed: StoredEntry[] = [];
    for (const operation of operations) {
      const key = operation.key.toString('latin1');
      const index = entryIndex(key);
      const before = index === undefined ? undefined : this.#entries.get(index);
      if (operation.type === 'put') {
        this.#put(key, operation.value);
      } else if (index !== undefined) {
        this.#entries.delete(index);
      }
      if (index !== undefined && before !== undefined && this.#entries.get(index) !== before) {
        removed.push(before);
      }
    }
    if (this.#startIndex !== startBefore) {
      this.#forgetCompacted();
      this.#lastIndex = Math.max(this.#lastIndex, this.#startIndex);
    }
    while (this.#entries.has(this.#lastIndex + 1)) {
      this.#lastIndex += 1;
    }
    while (this.#lastIndex > this.#startIndex && !this.#entries.has(this.#lastIndex)) {
      this.#lastIndex -= 1;
    }
    removed.filter(({ index }) => index > this.#startIndex).forEach(this.#onRemoved);
  }

  #put(key: string, value: Buffer): void {
    const index = entryIndex(key);
    if (index !== undefined) {
      this.#entries.set(index, this.#readEntry(index, key, value));
    } else if (key === HARD_STATE) {
      const reader = new ByteReader(this.#open(key, value), key);
      this.#hardState = { term: reader.u64(), vote: reader.u64(), commit: reader.u64() };
    } else if (key === LOG_START) {
      this.#startIndex = new ByteReader(this.#open(key, value), key).u64();
    }
  }

  #readEntry(index: number, key: string, value: Buffer): StoredEntry {
    const payload = this.#open(key, value);
    const reader = new ByteReader(payload, key);
    reader.fixed(DIGEST_BYTES);
    reader.u64();
    const term = reader.u64();
    const type = ENTRY_TYPES[reader.u8()] ?? 'EntryNormal';
    return this.#registry.register(index, term, type, payload, reader.rest(), this.#name);
  }

  #open(key: string, value: Buffer): Buffer {
    return openRecord(this.#keyring(), Buffer.from(key, 'latin1'), value, 'a record');
  }

  #forgetCompacted(): void {
    for (const index of this.#entries.keys()) {
      if (index <= this.#startIndex) {
        this.#entries.delete(index);
      }
    }
  }
}

/** Whether this entry is there, or stands for itself in a state that the log begins after. */
export function holds(log: DurableLog, index: number, term: number): boolean {
  return index <= log.startIndex || log.entries.get(index)?.term === term;
}

function entryIndex(key: string): number | undefined {
  return key.length === 9 && key.startsWith(ENTRY_PREFIX)
    ? Number(Buffer.from(key, 'latin1').readBigUInt64BE(1))
    : undefined;
}
