// SPDX-License-Identifier: Apache-2.0
// What happened, line by line: for a reader, and for a digest that shows that a seed gives the same run twice.
import { createHash, type Hash } from 'node:crypto';
import type { Scheduler } from './scheduler.ts';

/** `off` costs nothing; `digest` makes every line and keeps only their hash; `print` hands them to a printer. */
export type TraceMode = 'off' | 'digest' | 'print';

const LINES_KEPT = 400;

export class Trace {
  readonly #scheduler: Scheduler;
  readonly #mode: TraceMode;
  readonly #print: (line: string) => void;
  readonly #hash: Hash = createHash('sha256');
  readonly #lastLines: string[] = [];

  constructor(scheduler: Scheduler, mode: TraceMode, print: (line: string) => void) {
    this.#scheduler = scheduler;
    this.#mode = mode;
    this.#print = print;
  }

  /** Whether a line is worth making. */
  get on(): boolean {
    return this.#mode !== 'off';
  }

  /** Adds a line; `make` is called only if the trace is on. */
  add(make: () => string): void {
    if (this.#mode === 'off') {
      return;
    }
    const line = `${(this.#scheduler.now_us / 1_000_000).toFixed(6)} ${make()}`;
    this.#hash.update(line).update('\n');
    if (this.#mode === 'print') {
      this.#print(line);
    } else {
      this.#lastLines.push(line);
      if (this.#lastLines.length > LINES_KEPT) {
        this.#lastLines.shift();
      }
    }
  }

  /** Adds bytes to the digest that no reader would want to see. */
  addBytes(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  /** The digest of all that was added so far. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }

  get lastLines(): readonly string[] {
    return this.#lastLines;
  }
}
