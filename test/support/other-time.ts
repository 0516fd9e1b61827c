// SPDX-License-Identifier: Apache-2.0
// Processes that believe in another time: libfaketime stands between them and the clock of the system.
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

const DIRECTORY = '/usr/lib';
const LIBRARY = 'faketime/libfaketimeMT.so.1';

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
    FAKETIME: `${days < 0 ? '' : '+'}${days}d`,
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    // Files keep their true times.
    NO_FAKE_STAT: '1',
  };
}
