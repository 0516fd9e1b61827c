// SPDX-License-Identifier: Apache-2.0
import type { ConfState, Entry, HardState, LogUnavailable, RaftStorage, Snapshot } from '../../raft/index.ts';
import type { RaftLog } from '../../storage/index.ts';

/** A state that is on the disk. */
export interface DurableState {
  readonly index: number;
  readonly confState: ConfState;
}

/**
 * The stable log as the core reads it. The log may be ahead of what is durable, by the batch in flight: the core
 * keeps those entries itself until they are acknowledged, and asks only for older ones.
 */
export class CoreStorage implements RaftStorage {
  readonly #log: RaftLog;
  readonly #initial: { readonly hardState: HardState; readonly confState: ConfState };
  readonly #durable: () => DurableState;

  constructor(
    log: RaftLog,
    initial: { readonly hardState: HardState; readonly confState: ConfState },
    durable: () => DurableState,
  ) {
    this.#log = log;
    this.#initial = initial;
    this.#durable = durable;
  }

  initialState(): { readonly hardState: HardState; readonly confState: ConfState } {
    return this.#initial;
  }

  entries(lo: number, hi: number, maxBytes: number): readonly Entry[] | LogUnavailable {
    if (lo <= this.#log.start.index) {
      return 'compacted';
    }
    if (hi > this.#log.last.index + 1) {
      return 'unavailable';
    }
    return this.#log.entries(lo, hi, maxBytes);
  }

  term(index: number): number | LogUnavailable {
    if (index < this.#log.start.index) {
      return 'compacted';
    }
    return this.#log.positionAt(index)?.term ?? 'unavailable';
  }

  firstIndex(): number {
    return this.#log.start.index + 1;
  }

  lastIndex(): number {
    return this.#log.last.index;
  }

  /** What a follower would get now. The snapshot that it does get may be of a later state. */
  snapshot(): Snapshot | undefined {
    const { index, confState } = this.#durable();
    const position = this.#log.positionAt(index);
    if (position === undefined || index === 0) {
      return undefined;
    }
    return { data: position.digest, metadata: { index, term: position.term, confState } };
  }
}
