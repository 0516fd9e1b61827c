// SPDX-License-Identifier: Apache-2.0
// Reads that must not be older than their call: each round asks the leader once, for all readers who came meanwhile.
import { u64Bytes } from '../../common/index.ts';
import type { ReadState } from '../../raft/index.ts';
import type { Clock, Timer } from './clock.ts';

interface Reader {
  readonly settle: (current: boolean) => void;
}

interface Round {
  readonly readers: Set<Reader>;
  readonly askedAt_ms: number;
}

/** Rounds on their way at once; further readers wait for the next. */
const ROUNDS_MAX = 8;

export interface ReadRoundsOptions {
  readonly clock: Clock;
  /** 8 bytes that no other start of any node has: an answer to an earlier start must not be taken for one of now. */
  readonly incarnation: Buffer;
  readonly appliedIndex: () => number;
  /** Called when there is something for `begin` to do. */
  readonly wake: () => void;
}

/** ReadIndex (thesis, 6.4), seen from the node that reads. */
export class ReadRounds {
  readonly #options: ReadRoundsOptions;
  #asked = 0;
  /** Readers whose round has not begun. */
  #waiting = new Set<Reader>();
  readonly #rounds = new Map<string, Round>();
  /** Readers who know their index and wait for it to be applied. */
  #indexed: { readonly index: number; readonly readers: Set<Reader> }[] = [];

  constructor(options: ReadRoundsOptions) {
    this.#options = options;
  }

  /** True once the local state has all that was acknowledged before the call; false if it has not in time. */
  wait(timeout_ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timers: Timer[] = [];
      const reader: Reader = {
        settle: (current) => {
          timers.forEach((timer) => timer.cancel());
          resolve(current);
        },
      };
      const giveUp = (): void => {
        this.#forget(reader);
        resolve(false);
      };
      timers.push(this.#options.clock.setTimer(timeout_ms, giveUp));
      this.#waiting.add(reader);
      this.#options.wake();
    });
  }

  /** Asks with `ask` for all who wait, if there are any and not too many rounds are on their way. */
  begin(ask: (context: Buffer) => void): void {
    if (this.#waiting.size === 0 || this.#rounds.size >= ROUNDS_MAX) {
      return;
    }
    this.#asked += 1;
    const context = Buffer.concat([this.#options.incarnation, u64Bytes(this.#asked)]);
    const askedAt_ms = this.#options.clock.now_ms();
    this.#rounds.set(context.toString('latin1'), { readers: this.#waiting, askedAt_ms });
    this.#waiting = new Set();
    ask(context);
  }

  /** The leader's answer to a round. */
  answered({ index, requestCtx }: ReadState): void {
    const key = requestCtx.toString('latin1');
    const round = this.#rounds.get(key);
    if (round === undefined) {
      return;
    }
    this.#rounds.delete(key);
    this.#indexed.push({ index, readers: round.readers });
    this.applied();
    if (this.#waiting.size > 0) {
      this.#options.wake();
    }
  }

  /** More of the log is applied. */
  applied(): void {
    if (this.#indexed.length === 0) {
      return;
    }
    const appliedIndex = this.#options.appliedIndex();
    const due = this.#indexed.filter(({ index }) => index <= appliedIndex);
    this.#indexed = this.#indexed.filter(({ index }) => index > appliedIndex);
    for (const { readers } of due) {
      readers.forEach(({ settle }) => settle(true));
    }
  }

  /** Rounds that were asked before `before_ms` may be lost: their readers ask again, in a round of their own. */
  askAgain(before_ms: number): void {
    for (const [key, { readers, askedAt_ms }] of this.#rounds) {
      if (askedAt_ms < before_ms) {
        this.#rounds.delete(key);
        readers.forEach((reader) => this.#waiting.add(reader));
      }
    }
  }

  /** Nobody waits any longer. */
  close(): void {
    const indexed = this.#indexed.map(({ readers }) => readers);
    const asked = [...this.#rounds.values()].map(({ readers }) => readers);
    for (const readers of [this.#waiting, ...indexed, ...asked]) {
      readers.forEach(({ settle }) => settle(false));
    }
    this.#waiting = new Set();
    this.#rounds.clear();
    this.#indexed = [];
  }

  #forget(reader: Reader): void {
    const asked = [...this.#rounds.values()].map(({ readers }) => readers);
    const indexed = this.#indexed.map(({ readers }) => readers);
    for (const readers of [this.#waiting, ...asked, ...indexed]) {
      readers.delete(reader);
    }
  }
}
