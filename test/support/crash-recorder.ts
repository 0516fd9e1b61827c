// SPDX-License-Identifier: Apache-2.0
// What a crash would leave of a store, at every write and in every write: copies of its state directory, made while it goes on.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { DiskCheckpointFile, KeyFileSeal, LevelDatabase } from '../../src/storage/index.ts';
import type { SeededRandom } from './seeded-random.ts';

export type WriteKind = 'batch' | 'compaction' | 'checkpoint write' | 'checkpoint sync' | 'key file';

/** Does a write, or does not. */
export type AroundWrite = (kind: WriteKind, write: () => Promise<void>) => Promise<void>;

const WRITES = [
  [LevelDatabase.prototype, 'write', 'batch'],
  [LevelDatabase.prototype, 'compact', 'compaction'],
  [DiskCheckpointFile.prototype, 'write', 'checkpoint write'],
  [DiskCheckpointFile.prototype, 'sync', 'checkpoint sync'],
  [KeyFileSeal.prototype, 'addDataKey', 'key file'],
  [KeyFileSeal.prototype, 'dropDataKeys', 'key file'],
] as const satisfies readonly (readonly [object, string, WriteKind])[];

/** Puts `around` about every write of the open stores in this process, until what it returns is called. */
export function aroundEveryWrite(around: AroundWrite): () => void {
  const originals = WRITES.map(([prototype, name, kind]) => {
    const original: unknown = Reflect.get(prototype, name);
    assert.ok(typeof original === 'function');
    Reflect.set(prototype, name, function (this: object, ...given: readonly unknown[]): Promise<void> {
      return around(kind, async () => {
        await Reflect.apply(original, this, given);
      });
    });
    return [prototype, name, original] as const;
  });
  return () => originals.forEach(([prototype, name, original]) => Reflect.set(prototype, name, original));
}

/** A state directory as a crash has left it, and what was known at that moment. */
export interface CrashMoment<Known> {
  readonly what: string;
  readonly state: string;
  readonly known: Known;
}

export interface CrashRecorderOptions<Known> {
  readonly state: string;
  /** Where the copies are made. */
  readonly parent: string;
  readonly random: SeededRandom;
  readonly known: () => Known;
}

interface Torn {
  readonly part: string;
  readonly state: string;
}

const KEYS = 'keys.json';
/** In how many places each batch is cut off that a crash has met. */
const CUTS = 2;

/** Copies the state directory of a store at each of its writes. What is left twice is kept once. */
export class CrashRecorder<Known> {
  readonly #options: CrashRecorderOptions<Known>;
  readonly #seen = new Set<string>();
  readonly #moments: CrashMoment<Known>[] = [];
  #writes = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(options: CrashRecorderOptions<Known>) {
    this.#options = options;
  }

  get moments(): readonly CrashMoment<Known>[] {
    return this.#moments;
  }

  /** One write after the other, so that each copy is of one moment. */
  readonly around: AroundWrite = (kind, write) => {
    const written = this.#last.then(() => this.#record(kind, write));
    this.#last = written.catch(() => undefined);
    return written;
  };

  async #record(kind: WriteKind, write: () => Promise<void>): Promise<void> {
    this.#writes += 1;
    const name = `write ${this.#writes}, of a ${kind}`;
    const { known } = this.#options;
    const [before, knownBefore] = [this.#copy(), known()];
    await write();
    const [after, knownAfter] = [this.#copy(), known()];
    for (const { part, state } of this.#torn(kind, before, after)) {
      this.#keep(`with ${part} of ${name}`, state, knownBefore);
    }
    this.#keep(`before ${name}`, before, knownBefore);
    this.#keep(`after ${name}`, after, knownAfter);
  }

  #torn(kind: WriteKind, before: string, after: string): readonly Torn[] {
    if (kind === 'batch') {
      return this.#tornBatch(before, after);
    }
    return kind === 'key file' ? this.#tornKeys(before, after) : [];
  }

  /** The new file half written, and written and not yet in the place of the old one. */
  #tornKeys(before: string, after: string): readonly Torn[] {
    const content = readFileSync(path.join(after, KEYS));
    return [content.length >> 1, content.length].map((length) => {
      const state = this.#copy(before);
      writeFileSync(path.join(state, `${KEYS}.new`), content.subarray(0, length));
      return { part: `${length} bytes beside the old file`, state };
    });
  }

  /** LevelDB's log ends within the batch. */
  #tornBatch(before: string, after: string): readonly Torn[] {
    const [from, to] = [logOf(before), logOf(after)];
    if (path.basename(from) !== path.basename(to)) {
      return [];
    }
    const start = statSync(from).size;
    const size_bytes = statSync(to).size - start;
    return Array.from({ length: CUTS }, () => {
      const state = this.#copy(after);
      const length = 1 + this.#options.random.below(size_bytes - 1);
      truncateSync(logOf(state), start + length);
      return { part: `${length} bytes of ${size_bytes}`, state };
    });
  }

  #copy(from: string = this.#options.state): string {
    const copy = path.join(mkdtempSync(path.join(this.#options.parent, 'crash-')), 'state');
    cpSync(from, copy, { recursive: true });
    return copy;
  }

  #keep(what: string, state: string, known: Known): void {
    const print = fingerprint(state);
    if (this.#seen.has(print)) {
      rmSync(path.dirname(state), { recursive: true });
      return;
    }
    this.#seen.add(print);
    this.#moments.push({ what, state, known });
  }
}

function logOf(state: string): string {
  const directory = path.join(state, 'database');
  const logs = readdirSync(directory).filter((name) => name.endsWith('.log'));
  return path.join(directory, logs.sort().at(-1) ?? '');
}

function fingerprint(directory: string): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()) {
    const file = path.join(directory, name);
    if (statSync(file).isFile()) {
      hash.update(`${name}\0`).update(readFileSync(file));
    }
  }
  return hash.digest('hex');
}
