// SPDX-License-Identifier: Apache-2.0
// Looks for values in the memory of a process that runs.
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { type Leak, type LeakScanner } from './leak-scanner.ts';

const CHUNK_BYTES = 4 * 1024 * 1024;
/** More than a form of a value has: what a chunk ends with is looked at again with the next one. */
const OVERLAP_BYTES = 256;

interface Region {
  readonly start: number;
  readonly end: number;
  readonly name: string;
}

/** What the process can write to, and so may have written a value to. */
function writableRegions(pid: number): readonly Region[] {
  return readFileSync(`/proc/${pid}/maps`, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, start = '', end = '', name = ''] = /^(\w+)-(\w+) rw\S* \S+ \S+ \S+ *(.*)$/.exec(line) ?? [];
      return start === '' ? [] : [{ start: Number.parseInt(start, 16), end: Number.parseInt(end, 16), name }];
    });
}

/** All values of the scanner that stand in the memory of the process. */
export function leaksInMemory(scanner: LeakScanner, pid: number): readonly Leak[] {
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    const buffer = Buffer.alloc(CHUNK_BYTES);
    return writableRegions(pid).flatMap(({ start, end, name }) => {
      const leaks: Leak[] = [];
      const place = `the memory of ${pid} at ${start.toString(16)} ${name}`.trim();
      for (let at = start; at < end; at += CHUNK_BYTES - OVERLAP_BYTES) {
        const read = readSomeOf(memory, buffer.subarray(0, Math.min(CHUNK_BYTES, end - at)), at);
        leaks.push(...scanner.scan(buffer.subarray(0, read), place));
      }
      return leaks;
    });
  } finally {
    closeSync(memory);
  }
}

/** How many bytes could be read: none of what the process has given back meanwhile. */
function readSomeOf(memory: number, buffer: Buffer, position: number): number {
  try {
    return readSync(memory, buffer, 0, buffer.length, position);
  } catch {
    return 0;
  }
}
