// SPDX-License-Identifier: Apache-2.0
// What a node's disk holds, and what of it a crash leaves: the unsynced batches of the database in their order, and
// the checkpoint beside it.
import { createHash } from 'node:crypto';
import { invariant } from '../../../src/common/index.ts';
import type { Checkpoint, DatabaseOperation } from '../../../src/storage/index.ts';
import type { RandomStream } from '../kernel/random-stream.ts';

/** The records by their keys, as latin1 text: such text sorts as its bytes do. */
export type Records = ReadonlyMap<string, Buffer>;

/** `process`: what the system was given stays. `power`: it may lose what was not synced. */
export type CrashKind = 'process' | 'power';

/** Told of all that changes on a disk. */
export interface DiskObserver {
  /** A batch is in the database; with `durable`, so that nothing can take it or any batch before it away. */
  written(operations: readonly DatabaseOperation[], durable: boolean): void;
  /** The disk holds something else now: after a crash, or damage. */
  replaced(): void;
}

interface LooseBatch {
  readonly operations: readonly DatabaseOperation[];
  /** Synced: it survives, though one before it may not. */
  durable: boolean;
}

/** A copy of the database at an earlier time, as a backup or a virtual machine's snapshot has it. */
export interface DiskImage {
  readonly records: Records;
}

/** One node's disk. It outlives the node's processes. */
export class SimDisk {
  readonly #random: RandomStream;
  readonly #observer: DiskObserver;
  #records = new Map<string, Buffer>();
  /** What is durable for certain, and the batches that came after it. */
  #base = new Map<string, Buffer>();
  #loose: LooseBatch[] = [];
  #inFlight: readonly DatabaseOperation[] | undefined;
  #durableCheckpoint: Checkpoint | undefined;
  /** Handed to the system after the durable one, oldest first; the last one may not have arrived whole. */
  #looseCheckpoint: Checkpoint | undefined;
  #inFlightCheckpoint: Checkpoint | undefined;
  /** Which came after which. */
  readonly #orders = new WeakMap<Checkpoint, number>();
  #written = 0;
  /** What stood under some keys before it was overwritten: a write that the disk lost leaves it there. */
  readonly #overwritten = new Map<string, Buffer>();

  constructor(random: RandomStream, observer: DiskObserver) {
    this.#random = random;
    this.#observer = observer;
  }

  /** What a read of the running system gives. */
  get records(): Records {
    return this.#records;
  }

  /** The newest checkpoint; undefined before the first. */
  get checkpoint(): Checkpoint | undefined {
    return this.#looseCheckpoint ?? this.#durableCheckpoint;
  }

  /** Records that were overwritten by others, as they were before. */
  get overwritten(): Records {
    return this.#overwritten;
  }

  /** A batch is on its way: a crash takes all of it or nothing. */
  beginBatch(operations: readonly DatabaseOperation[]): void {
    invariant(this.#inFlight === undefined, 'there is one batch in flight');
    this.#inFlight = operations;
  }

  /** The batch in flight has arrived. */
  endBatch(sync: boolean): void {
    const operations = this.#inFlight;
    invariant(operations !== undefined, 'a batch is in flight');
    this.#inFlight = undefined;
    this.#keepOverwritten(operations);
    apply(this.#records, operations);
    this.#loose.push({ operations, durable: sync });
    if (sync) {
      this.#settle();
    }
    this.#observer.written(operations, this.#loose.length === 0);
  }

  beginCheckpoint(checkpoint: Checkpoint): void {
    this.#written += 1;
    this.#orders.set(checkpoint, this.#written);
    this.#inFlightCheckpoint = checkpoint;
  }

  endCheckpoint(): void {
    this.#looseCheckpoint = this.#inFlightCheckpoint;
    this.#inFlightCheckpoint = undefined;
  }

  /** What was handed over before is durable. Of two syncs, the one that began first may end last. */
  syncCheckpoint(checkpoint: Checkpoint | undefined): void {
    const durable = this.#durableCheckpoint;
    if (checkpoint === undefined || this.#order(checkpoint) < this.#order(durable)) {
      return;
    }
    this.#durableCheckpoint = checkpoint;
    if (this.#looseCheckpoint === checkpoint) {
      this.#looseCheckpoint = undefined;
    }
  }

  /** The process ends here. What is left is what the next one finds; opening a database makes it durable. */
  crash(kind: CrashKind): void {
    this.#crashCheckpoint(kind);
    const inFlight = this.#inFlight;
    this.#inFlight = undefined;
    if (kind === 'power') {
      this.#losePower();
    }
    if (inFlight !== undefined && this.#random.chance(0.5)) {
      apply(this.#records, inFlight);
    }
    this.#replaced();
  }

  /** An empty database under the same checkpoint. */
  wipe(): void {
    this.#records.clear();
    this.#replaced();
  }

  image(): DiskImage {
    return { records: new Map(this.#records) };
  }

  /** Puts an earlier image of the database back; the checkpoint stays. */
  restore(image: DiskImage): void {
    this.#records = new Map(image.records);
    this.#replaced();
  }

  /** Changes one record, or takes it away if `value` is undefined. */
  damage(key: string, value: Buffer | undefined): void {
    put(this.#records, key, value);
    this.#replaced();
  }

  /** A hash of all that the disk holds. */
  fingerprint(): Buffer {
    const hash = createHash('sha256');
    for (const key of [...this.#records.keys()].sort()) {
      hash.update(key, 'latin1').update(this.#records.get(key) ?? '');
    }
    const { checkpoint } = this;
    hash.update(checkpoint === undefined ? 'none' : JSON.stringify({ ...checkpoint }));
    return hash.digest();
  }

  #order(checkpoint: Checkpoint | undefined): number {
    return checkpoint === undefined ? 0 : (this.#orders.get(checkpoint) ?? 0);
  }

  #keepOverwritten(operations: readonly DatabaseOperation[]): void {
    for (const operation of operations) {
      const key = operation.key.toString('latin1');
      const before = this.#records.get(key);
      if (operation.type === 'put' && before !== undefined) {
        this.#overwritten.set(key, before);
      }
    }
  }

  #crashCheckpoint(kind: CrashKind): void {
    const candidates = [this.#looseCheckpoint ?? this.#durableCheckpoint];
    if (kind === 'power') {
      candidates.push(this.#durableCheckpoint);
    }
    if (this.#inFlightCheckpoint !== undefined) {
      candidates.push(this.#inFlightCheckpoint);
    }
    this.#durableCheckpoint = this.#random.pickAny(candidates);
    this.#looseCheckpoint = undefined;
    this.#inFlightCheckpoint = undefined;
  }

  /**
   * A synced batch takes those before it along, as a rule. But the system syncs one file of LevelDB's, and a batch
   * that stands at the end of the file before it is not made durable by that.
   */
  #settle(): void {
    if (this.#loose.some(({ durable }) => !durable) && this.#random.chance(0.05)) {
      return;
    }
    for (const { operations } of this.#loose) {
      apply(this.#base, operations);
    }
    this.#loose = [];
  }

  /** Of the batches that were not synced, a number at the end is lost. */
  #losePower(): void {
    const unsynced = this.#loose.filter(({ durable }) => !durable);
    const lost = new Set(unsynced.slice(this.#random.between(0, unsynced.length)));
    this.#records = new Map(this.#base);
    for (const batch of this.#loose) {
      if (!lost.has(batch)) {
        apply(this.#records, batch.operations);
      }
    }
  }

  #replaced(): void {
    this.#base = new Map(this.#records);
    this.#loose = [];
    this.#observer.replaced();
  }
}

function apply(records: Map<string, Buffer>, operations: readonly DatabaseOperation[]): void {
  for (const operation of operations) {
    put(records, operation.key.toString('latin1'), operation.type === 'put' ? operation.value : undefined);
  }
}

function put(records: Map<string, Buffer>, key: string, value: Buffer | undefined): void {
  if (value === undefined) {
    records.delete(key);
  } else {
    records.set(key, value);
  }
}
