// SPDX-License-Identifier: Apache-2.0
// What is done while faults come: tried again until it works, for a while.
import { setTimeout as delay } from 'node:timers/promises';
import { describe } from './report.ts';

const PAUSE_MS = 500;

/** What was tried in vain: while there are faults that is nobody's failure. */
export class GaveUp extends Error {
  constructor(what: string, cause: unknown) {
    super(`gave up ${what}`, { cause });
    this.name = 'GaveUp';
  }
}

/** The first result of `work` that is not undefined; rejects with a `GaveUp` after `timeout_ms`, or when `signal` is aborted. */
export async function tryUntil<T>(
  what: string,
  timeout_ms: number,
  signal: AbortSignal,
  work: () => Promise<T | undefined>,
): Promise<T> {
  const deadline = performance.now() + timeout_ms;
  let last: unknown;
  do {
    try {
      const result = await work();
      if (result !== undefined) {
        return result;
      }
    } catch (error) {
      last = new Error(describe(error));
    }
    await rest(PAUSE_MS, signal);
  } while (performance.now() < deadline && !signal.aborted);
  throw new GaveUp(what, last);
}

/** Waits, no longer than until `signal` is aborted. */
export async function rest(time_ms: number, signal: AbortSignal): Promise<void> {
  await delay(time_ms, undefined, { signal }).catch(() => undefined);
}
