// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';

export interface WaitOptions {
  /** What is waited for, as the end of "waited N ms for ...". */
  readonly what: string;
  /** Default 30,000: far more than most things take, since other tests run beside this one. */
  readonly timeout_ms?: number;
  /**
   * Between two looks; default 50. After one that took longer, as those do that are processes, it is as long as that took: who
   * waits leaves the processor to what is waited for.
   */
  readonly interval_ms?: number;
}

/**
 * Resolves to the first result of `condition` that is neither undefined nor false. Rejects when there is
 * none in time, naming the condition's last error, if it threw.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: WaitOptions,
): Promise<Exclude<T, undefined | false>> {
  const timeout_ms = options.timeout_ms ?? 30_000;
  const deadline = performance.now() + timeout_ms;
  let lastError: unknown;
  for (;;) {
    const lookedAt = performance.now();
    try {
      const result = await condition();
      if (result !== undefined && result !== false) {
        return result as Exclude<T, undefined | false>;
      }
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() >= deadline) {
      throw new Error(`waited ${timeout_ms} ms for ${options.what}`, { cause: lastError });
    }
    await delay(Math.max(options.interval_ms ?? 50, performance.now() - lookedAt));
  }
}
