// SPDX-License-Identifier: Apache-2.0
// The database of one process on a simulated disk. It keeps the promises of LevelDB as the storage room wraps it.
import { CofferError, invariant } from '../../../src/common/index.ts';
import type {
  Database,
  DatabaseOperation,
  DatabaseRecord,
  DatabaseSnapshot,
  KeyRange,
} from '../../../src/storage/index.ts';
import type { DiskBehaviour } from './disk-behaviour.ts';
import type { Records, SimDisk } from './sim-disk.ts';

/** What a process asks of the simulation: to go on later, if it still lives then. */
export interface Host {
  readonly alive: boolean;
  after(delay_us: number, run: () => void): void;
}

type Group = readonly DatabaseRecord[];

/** Groups are small, so that a start and a snapshot take several steps, and something can happen in between. */
const GROUP_BYTES = 8 * 1024;
const GROUP_READ_US = 50;

/** A disk that hangs is looked at again after this time: it may have been mended. */
const HANG_STEP_US = 100_000;

/** What is being written can be read only when it is there. */
export class SimDatabase implements Database {
  readonly #disk: SimDisk;
  readonly #behaviour: DiskBehaviour;
  readonly #host: Host;
  readonly #snapshots = new Set<SimSnapshot>();
  #writing = false;
  #closed = false;
  #fault: CofferError | undefined;

  constructor(disk: SimDisk, behaviour: DiskBehaviour, host: Host) {
    this.#disk = disk;
    this.#behaviour = behaviour;
    this.#host = host;
  }

  get(key: Buffer, _what: string): Buffer | undefined {
    this.#check();
    return read(this.#disk.records, key);
  }

  async *groups(range: KeyRange, _what: string): AsyncGenerator<Group> {
    this.#check();
    yield* groupsOf(new Map(this.#disk.records), range, this.#host);
  }

  async write(operations: readonly DatabaseOperation[], options: { readonly sync: boolean }): Promise<void> {
    this.#check();
    if (!this.#host.alive) {
      await forever();
    }
    invariant(!this.#writing, 'there is one writer, with one batch in flight');
    this.#writing = true;
    const copies = operations.map(copyOf);
    const size_bytes = copies.reduce((sum, operation) => sum + sizeOf(operation), 0);
    this.#disk.beginBatch(copies);
    await waitForDisk(this.#behaviour, this.#host, size_bytes, options.sync);
    const failure = this.#behaviour.takeFailure();
    if (failure !== undefined) {
      // The batch stays in flight: the next start finds all of it or nothing.
      this.#fault = new CofferError('store.faulted', `LevelDB failed: IO error: ${failure}`);
      throw this.#fault;
    }
    this.#disk.endBatch(options.sync);
    this.#writing = false;
  }

  snapshot(): DatabaseSnapshot {
    this.#check();
    const snapshot = new SimSnapshot(new Map(this.#disk.records), this.#host);
    this.#snapshots.add(snapshot);
    return snapshot;
  }

  async snapshotsClosed(): Promise<void> {
    await Promise.all([...this.#snapshots].map(({ closed: ended }) => ended));
  }

  /** What was overwritten on a simulated disk is nowhere, so this does nothing but take its time. */
  async compact(): Promise<void> {
    this.#check();
    const size_bytes = [...this.#disk.records.values()].reduce((sum, { length }) => sum + length, 0);
    await waitForDisk(this.#behaviour, this.#host, size_bytes, true);
    this.#check();
  }

  async filesHold(texts: readonly Buffer[]): Promise<boolean> {
    this.#check();
    return [...this.#disk.records.values()].some((value) => texts.some((text) => value.includes(text)));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#snapshots].map((snapshot) => snapshot.close()));
  }

  #check(): void {
    if (this.#fault !== undefined) {
      throw this.#fault;
    }
    if (this.#closed) {
      throw closed();
    }
  }
}

class SimSnapshot implements DatabaseSnapshot {
  readonly #records: Records;
  readonly #host: Host;
  readonly closed: Promise<void>;
  #onClosed: () => void = () => undefined;
  #closed = false;

  constructor(records: Records, host: Host) {
    this.#records = records;
    this.#host = host;
    this.closed = new Promise((resolve) => {
      this.#onClosed = resolve;
    });
  }

  get(key: Buffer, _what: string): Buffer | undefined {
    this.#check();
    return read(this.#records, key);
  }

  async *groups(range: KeyRange, _what: string): AsyncGenerator<Group> {
    this.#check();
    for await (const group of groupsOf(this.#records, range, this.#host)) {
      this.#check();
      yield group;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#onClosed();
  }

  #check(): void {
    if (this.#closed) {
      throw closed();
    }
  }
}

/** Code of a process that has died goes on until it waits for something. This is what it waits for. */
export function forever(): Promise<never> {
  return new Promise(() => undefined);
}

/** Resolves when the disk has written so much, which takes until it does not hang any more. */
export async function waitForDisk(
  behaviour: DiskBehaviour,
  host: Host,
  size_bytes: number,
  sync: boolean,
): Promise<void> {
  await pause(host, behaviour.duration_us(size_bytes, sync));
  while (behaviour.hungFor_us > 0) {
    await pause(host, Math.min(behaviour.hungFor_us, HANG_STEP_US));
  }
}

function pause(host: Host, duration_us: number): Promise<void> {
  return new Promise((resolve) => {
    host.after(duration_us, resolve);
  });
}

function closed(): CofferError {
  return new CofferError('store.closed', 'the database is closed');
}

async function* groupsOf(records: Records, range: KeyRange, host: Host): AsyncGenerator<Group> {
  const from = range.from.toString('latin1');
  const before = range.before.toString('latin1');
  const keys = [...records.keys()].filter((key) => key >= from && key < before).sort();
  let group: DatabaseRecord[] = [];
  let size_bytes = 0;
  for (const key of keys) {
    const value = Buffer.from(records.get(key) ?? '');
    group.push([Buffer.from(key, 'latin1'), value]);
    size_bytes += key.length + value.length;
    if (size_bytes > GROUP_BYTES) {
      await pause(host, GROUP_READ_US);
      yield group;
      group = [];
      size_bytes = 0;
    }
  }
  if (group.length > 0) {
    await pause(host, GROUP_READ_US);
    yield group;
  }
}

function read(records: Records, key: Buffer): Buffer | undefined {
  const value = records.get(key.toString('latin1'));
  return value === undefined ? undefined : Buffer.from(value);
}

/** LevelDB has copied what it was given when the call returns; callers overwrite theirs. */
function copyOf(operation: DatabaseOperation): DatabaseOperation {
  const key = Buffer.from(operation.key);
  return operation.type === 'put'
    ? { type: 'put', key, value: Buffer.from(operation.value) }
    : { type: 'del', key };
}

function sizeOf(operation: DatabaseOperation): number {
  return operation.key.length + (operation.type === 'put' ? operation.value.length : 0);
}
