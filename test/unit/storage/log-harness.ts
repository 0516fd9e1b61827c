// SPDX-License-Identifier: Apache-2.0
// A log on a real database, with the steps that its tests are made of.
import path from 'node:path';
import { Keyring } from '../../../src/crypto/index.ts';
import type { Entry } from '../../../src/raft/index.ts';
import {
  type DatabaseOperation,
  LevelDatabase,
  type LogLimits,
  type LogPosition,
  RaftLog,
  rangeOf,
} from '../../../src/storage/index.ts';
import { temporaryDirectory } from '../../support/cleanup.ts';

export const WIDE: LogLimits = { entriesMax: 1e9, bytesMax: 1e9 };

export function entriesFrom(first: number, count: number, term = 1, text = 'data'): Entry[] {
  return Array.from({ length: count }, (_, offset) => ({
    index: first + offset,
    term,
    type: 'EntryNormal',
    data: Buffer.from(`${text} of ${first + offset}`),
  }));
}

export class LogHarness {
  readonly keyring = Keyring.generate();
  readonly database: LevelDatabase;
  readonly #remove: () => void;

  private constructor(database: LevelDatabase, remove: () => void) {
    this.database = database;
    this.#remove = remove;
  }

  static async make(): Promise<LogHarness> {
    const temporary = temporaryDirectory();
    const database = await LevelDatabase.open(path.join(temporary.path, 'database'));
    const harness = new LogHarness(database, () => temporary.remove());
    await harness.write(RaftLog.createOperations(harness.keyring));
    return harness;
  }

  /** Opens the log as a start does, and returns all that it verified. */
  async openLog(
    limits: LogLimits = WIDE,
    keep = true,
  ): Promise<{ readonly log: RaftLog; readonly entries: Entry[] }> {
    const entries: Entry[] = [];
    const log = await RaftLog.open(this.database, this.keyring, limits, (entry) => {
      entries.push(entry);
      return keep;
    });
    return { log, entries };
  }

  write(operations: readonly DatabaseOperation[]): Promise<void> {
    return this.database.write(operations, { sync: false });
  }

  append(log: RaftLog, entries: readonly Entry[]): Promise<void> {
    return this.write(log.append(entries));
  }

  compact(log: RaftLog, appliedIndex: number): Promise<void> {
    return this.write(log.compact(appliedIndex));
  }

  reset(log: RaftLog, position: LogPosition): Promise<void> {
    return this.write(log.reset(position));
  }

  /** The indexes of all entries that the database holds, dead ones too. */
  async indexesOnDisk(): Promise<readonly number[]> {
    const indexes: number[] = [];
    for await (const group of this.database.groups(rangeOf('l'), 'the log')) {
      indexes.push(...group.map(([key]) => Number(key.readBigUInt64BE(1))));
    }
    return indexes;
  }

  async close(): Promise<void> {
    await this.database.close();
    this.#remove();
  }
}
