// SPDX-License-Identifier: Apache-2.0
// Time as the connections see it, so that a test can own it.

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds of a clock that never goes back; only differences mean something. */
  now_ms(): number;
  /** Calls back once, after `delay_ms` at the earliest. */
  setTimer(delay_ms: number, callback: () => void): Timer;
}

/** The machine's own clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now_ms: () => performance.now(),
  setTimer: (delay_ms, callback) => {
    const timer = setTimeout(callback, delay_ms).unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
