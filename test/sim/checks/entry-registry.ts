// SPDX-License-Identifier: Apache-2.0
// Every entry that any node ever had, and those that are committed.
import { createHash } from 'node:crypto';
import type { EntryType } from '../../../src/raft/index.ts';
import type { Violations } from './violations.ts';

/** An entry as it stands on a disk. */
export interface StoredEntry {
  readonly index: number;
  readonly term: number;
  readonly type: EntryType;
  /** Over the entry and, by the chain, over all before it. */
  readonly digest: string;
  readonly data: Buffer;
}

/** Of an index and a term there is one entry, and one log that leads up to it (paper, figure 3: log matching). */
export class EntryRegistry {
  readonly #violations: Violations;
  readonly #known = new Map<string, StoredEntry>();
  readonly #committed: StoredEntry[] = [];
  /** For each committed entry, a term in which it was committed already. */
  readonly #committedInTerm: number[] = [];
  readonly #onCommitted: (entry: StoredEntry) => void;

  constructor(violations: Violations, onCommitted: (entry: StoredEntry) => void) {
    this.#violations = violations;
    this.#onCommitted = onCommitted;
  }

  /** How far the log is known to be committed. */
  get committedIndex(): number {
    return this.#committed.length;
  }

  committedAt(index: number): StoredEntry | undefined {
    return this.#committed[index - 1];
  }

  /** Takes up an entry that `where` has. `payload` is what was sealed: term, type, the chain before it, and the data. */
  register(
    index: number,
    term: number,
    type: EntryType,
    payload: Buffer,
    data: Buffer,
    where: string,
  ): StoredEntry {
    const digest = createHash('sha256').update(payload).digest('base64');
    const key = `${index} ${term}`;
    const known = this.#known.get(key);
    if (known === undefined) {
      const entry = { index, term, type, digest, data: Buffer.from(data) };
      this.#known.set(key, entry);
      return entry;
    }
    if (known.digest !== digest) {
      this.#violations.report(
        'log matching',
        `entry ${index} of term ${term} on ${where} is another one, or follows on others, than elsewhere`,
      );
    }
    return known;
  }

  /** The last entry that was committed in an earlier term than this one. */
  committedBefore(term: number): StoredEntry | undefined {
    const place = this.#committedInTerm.findLastIndex((committedInTerm) => committedInTerm < term);
    return this.#committed[place];
  }

  /** `where`, which is in `term`, has applied this entry. */
  commit(entry: StoredEntry, term: number, where: string): void {
    const known = this.#committed[entry.index - 1];
    if (known === undefined) {
      if (entry.index !== this.#committed.length + 1) {
        this.#violations.report(
          'commit order',
          `${where} applied entry ${entry.index} before the ones before it`,
        );
        return;
      }
      this.#committed.push(entry);
      this.#committedInTerm.push(term);
      this.#onCommitted(entry);
    } else if (known.digest !== entry.digest) {
      this.#violations.report(
        'state machine safety',
        `${where} applied entry ${entry.index} of term ${entry.term}, where another node applied one of term ${known.term}`,
      );
    }
  }
}
