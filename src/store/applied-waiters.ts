// SPDX-License-Identifier: Apache-2.0
import { withDeadline } from '../common/index.ts';

interface Waiter {
  readonly index: number;
  readonly resolve: () => void;
}

/** Readers that wait until the state has come to an entry of the log. */
export class AppliedWaiters {
  #waiters: Waiter[] = [];

  /** True once the entry is applied; false if it is not after `timeout_ms`. */
  async wait(index: number, timeout_ms: number): Promise<boolean> {
    let resolve = (): void => undefined;
    const applied = new Promise<void>((settle) => {
      resolve = settle;
    });
    const waiter: Waiter = { index, resolve };
    this.#waiters.push(waiter);
    try {
      await withDeadline(applied, timeout_ms, 'store.timeout', 'the read round took too long');
      return true;
    } catch {
      this.#waiters = this.#waiters.filter((other) => other !== waiter);
      return false;
    }
  }

  /** Wakes those whose entry is applied. */
  wake(appliedIndex: number): void {
    const due = this.#waiters.filter(({ index }) => index <= appliedIndex);
    if (due.length === 0) {
      return;
    }
    this.#waiters = this.#waiters.filter(({ index }) => index > appliedIndex);
    for (const { resolve } of due) {
      resolve();
    }
  }
}
