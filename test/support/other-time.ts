// SPDX-License-Identifier: Apache-2.0
// Processes that believe in another time: libfaketime stands between them and the clock of the system.
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const DIRECTORY = '/usr/lib';
const LIBRARY = 'faketime/libfaketimeMT.so.1';

/**
 * A time that a test moves while processes run: those that are started with its settings follow within a second or two.
 */
export class MovingTime {
  readonly #file: string;

  /** `file` is made, and says that it is now. */
  constructor(file: string) {
    this.#file = file;
    this.moveTo(0);
  }

  get settings(): Readonly<Record<string, string>> {
    const { FAKETIME: _, ...settings } = daysLater(0);
    return { ...settings, FAKETIME_TIMESTAMP_FILE: this.#file, FAKETIME_CACHE_DURATION: '1' };
  }

  /** So many days from now. */
  moveTo(days: number): void {
    writeFileSync(this.#file, `${offset(days)}\n`);
  }
}

/** The settings with which a process runs that many days later, or earlier if negative. Its timers go on as ever. */
export function daysLater(days: number): Readonly<Record<string, string>> {
  const library = readdirSync(DIRECTORY)
    .map((name) => path.join(DIRECTORY, name, LIBRARY))
    .find((file) => existsSync(file));
  if (library === undefined) {
    throw new Error(
      'libfaketime is not installed: run test/support/setup.sh, or install the package faketime',
    );
  }
  return {
    LD_PRELOAD: library,
    FAKETIME: offset(days),
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    // Files keep their true times.
    NO_FAKE_STAT: '1',
  };
}

function offset(days: number): string {
  return `${days < 0 ? '' : '+'}${days}d`;
}
