// SPDX-License-Identifier: Apache-2.0
import type { LogFields, Logger } from '../common/index.ts';

const INTERVAL_MS = 1_000;

interface Kind {
  count: number;
  logged_ms: number;
  unlogged: number;
}

/** Counts events by kind, and logs at most one line a second of each kind. The kinds must be few and fixed. */
export class LimitedLog {
  readonly #logger: Logger;
  readonly #now_ms: () => number;
  readonly #kinds = new Map<string, Kind>();

  constructor(logger: Logger, now_ms: () => number) {
    this.#logger = logger;
    this.#now_ms = now_ms;
  }

  /** How many there were of each kind. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#kinds].map(([kind, { count }]) => [kind, count]));
  }

  warn(kind: string, sentence: string, fields: LogFields): void {
    const now_ms = this.#now_ms();
    const known = this.#kinds.get(kind) ?? { count: 0, logged_ms: -INTERVAL_MS, unlogged: 0 };
    this.#kinds.set(kind, known);
    known.count += 1;
    if (now_ms - known.logged_ms < INTERVAL_MS && known.count > 1) {
      known.unlogged += 1;
      return;
    }
    this.#logger.warn(sentence, { ...fields, kind, ...(known.unlogged > 0 && { more: known.unlogged }) });
    known.logged_ms = now_ms;
    known.unlogged = 0;
  }
}
