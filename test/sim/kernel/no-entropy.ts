// SPDX-License-Identifier: Apache-2.0
// A run depends on its seed alone: whatever else could make it differ throws. The bundle of the simulator replaces the
// random functions of node:crypto in the same way (see build.mjs).

const SOURCES = ['setTimeout', 'setInterval', 'setImmediate'] as const;

/** Forbids the machine's clocks, timers and random numbers to all code of this process from now on. */
export function forbidEntropy(): void {
  const forbidden = (name: string) => (): never => {
    throw new Error(`${name} makes a run depend on more than its seed`);
  };
  for (const name of SOURCES) {
    Object.defineProperty(globalThis, name, { value: forbidden(name) });
  }
  Object.defineProperty(Date, 'now', { value: forbidden('Date.now') });
  Object.defineProperty(Math, 'random', { value: forbidden('Math.random') });
  Object.defineProperty(performance, 'now', { value: forbidden('performance.now') });
}
