// SPDX-License-Identifier: Apache-2.0
// The ceiling: LevelDB alone, one synced batch after the other with all that waits, and nothing sealed, chained or applied.
import { LevelDatabase } from '../../src/storage/index.ts';
import { timeFor, type Timing } from './measure.ts';
import type { Handlers } from './raft-child.ts';
import type { LoadRequest } from './raft-store.ts';

interface Waiting {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Puts that arrive while a batch is being synced go into the next one together. */
class GroupWriter {
  readonly #database: LevelDatabase;
  #waiting: Waiting[] = [];
  #running = false;

  constructor(database: LevelDatabase) {
    this.#database = database;
  }

  put(key: Buffer, value: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ key, value, resolve, reject });
      if (!this.#running) {
        this.#running = true;
        queueMicrotask(() => void this.#run());
      }
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        const operations = group.map(({ key, value }) => ({ type: 'put' as const, key, value }));
        await this.#database.write(operations, { sync: true });
        group.forEach(({ resolve }) => resolve());
      } catch (thrown) {
        group.forEach(({ reject }) => reject(thrown));
      }
    }
    this.#running = false;
  }
}

/** The role of a process that holds a bare LevelDB. */
export function levelRole() {
  let database: LevelDatabase | undefined;
  return {
    open: async ({ directory }: { readonly directory: string }): Promise<void> => {
      database = await LevelDatabase.open(directory);
    },
    measure: ({ duration_ms, width, value_bytes, prefix }: LoadRequest): Promise<Timing> => {
      const writer = new GroupWriter(opened(database));
      const value = Buffer.alloc(value_bytes, 'x');
      return timeFor(duration_ms, width, (index) => writer.put(Buffer.from(`${prefix}-${index}`), value));
    },
    close: async (): Promise<void> => {
      await opened(database).close();
    },
  } satisfies Handlers;
}

function opened(database: LevelDatabase | undefined): LevelDatabase {
  if (database === undefined) {
    throw new Error('nothing is open');
  }
  return database;
}
