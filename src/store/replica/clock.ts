// SPDX-License-Identifier: Apache-2.0
// Time as the driver sees it, so that a simulation can own it.

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds of a clock that never goes back; only differences mean something. */
  now_ms(): number;
  /** Calls back once, after `delay_ms` at the earliest. Only one with `keepsAlive` keeps the process alive until then. */
  setTimer(delay_ms: number, callback: () => void, keepsAlive?: boolean): Timer;
  /** Calls back once all input that has arrived was taken in. */
  defer(callback: () => void): void;
  /** Calls back at the end of this turn of the event loop: what was sent in it has gone out. */
  atTurnEnd(callback: () => void): void;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now_ms: () => performance.now(),
  setTimer: (delay_ms, callback, keepsAlive = false) => {
    const timer = setTimeout(callback, delay_ms);
    if (!keepsAlive) {
      timer.unref();
    }
    return { cancel: () => clearTimeout(timer) };
  },
  defer: (callback) => {
    setImmediate(callback);
  },
  atTurnEnd: (callback) => {
    setImmediate(callback);
  },
};

/** Resolves after `delay_ms` at the earliest. */
export function pause(clock: Clock, delay_ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(delay_ms, resolve);
  });
}

/** Settles as `work` does, or rejects with what `onExpiry` returns once `timeout_ms` have passed. */
export function withTimeout<T>(
  clock: Clock,
  work: Promise<T>,
  timeout_ms: number,
  onExpiry: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(timeout_ms, () => reject(onExpiry()));
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}
