// SPDX-License-Identifier: Apache-2.0
// What clients asked a cluster of managers for, and were answered: one record for each call, also as lines of JSON in the file
// that COFFER_HISTORY names, to be looked at when a test has failed.
import { appendFileSync, readFileSync } from 'node:fs';

export type HistoryCall =
  /** The value is another one in each call. */
  | { readonly kind: 'write'; readonly value: string }
  /** A write that is made only if the version is the one that is expected; 0: if there is none. */
  | { readonly kind: 'compare'; readonly value: string; readonly expect: number }
  /** GetSecret for a task that has not asked before. */
  | { readonly kind: 'read'; readonly task: string }
  /** A look at the secret's description, which tells its version. */
  | { readonly kind: 'inspect' };

export type HistoryResult =
  | { readonly kind: 'done'; readonly version: number }
  /** It was not done, since there was another version than the one that was expected. */
  | { readonly kind: 'other'; readonly why: string }
  /** It was not done, for certain. */
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'value'; readonly value: string; readonly freshness?: Freshness }
  | { readonly kind: 'version'; readonly version: number; readonly freshness: Freshness }
  /** There is no secret of that name. */
  | { readonly kind: 'absent'; readonly freshness?: Freshness }
  /** No answer, or one that says nothing. */
  | { readonly kind: 'unknown'; readonly why: string };

/** As the manager said or wrote down: `local` is allowed to be old. Where nothing is known, a read must not be old. */
export type Freshness = 'linearizable' | 'local';

export interface HistoryEntry {
  /** Which of several histories in a file it belongs to. */
  readonly run: string;
  readonly client: number;
  readonly manager: string;
  readonly name: string;
  readonly call: HistoryCall;
  readonly result: HistoryResult;
  /** On the one clock of the process that all clients share. */
  readonly start_ms: number;
  /** When the client went on, answered or not. */
  readonly end_ms: number;
}

export class History {
  readonly #run: string;
  readonly #file: string | undefined;
  readonly #entries: HistoryEntry[] = [];

  /** `file`: where each record is appended at once; by default what COFFER_HISTORY names, if it is set. */
  constructor(run: string, file: string | undefined = process.env['COFFER_HISTORY']) {
    this.#run = run;
    this.#file = file;
  }

  get entries(): readonly HistoryEntry[] {
    return this.#entries;
  }

  record(entry: Omit<HistoryEntry, 'run'>): void {
    const recorded = { run: this.#run, ...entry };
    this.#entries.push(recorded);
    if (this.#file !== undefined) {
      appendFileSync(this.#file, `${JSON.stringify(recorded)}\n`);
    }
  }
}

/** The records of a file that a `History` has written. */
export function readHistory(file: string): readonly HistoryEntry[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as HistoryEntry);
}

/** Adds to reads how fresh they were, which GetSecret does not say, but a manager's log does at level debug. */
export function withFreshness(
  entries: readonly HistoryEntry[],
  logs: readonly string[],
): readonly HistoryEntry[] {
  const freshness = new Map<string, Freshness>();
  for (const line of logs.flatMap((log) => log.split('\n'))) {
    const [, task = '', fresh] = /"task":"([^"]+)".*"freshness":"(linearizable|local)"/.exec(line) ?? [];
    if (fresh !== undefined) {
      freshness.set(task, fresh as Freshness);
    }
  }
  return entries.map((entry) => {
    const { call, result } = entry;
    const known = call.kind === 'read' ? freshness.get(call.task) : undefined;
    return known === undefined || result.kind !== 'value'
      ? entry
      : { ...entry, result: { ...result, freshness: known } };
  });
}
