// SPDX-License-Identifier: Apache-2.0
// Looks for values in the memory of a process that runs.
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import type { Leak, LeakScanner } from './leak-scanner.ts';

const PAGE_BYTES = 4096;
/** An entry of the kernel's page map: its highest two bits tell that the page is in memory, or swapped out. */
const ENTRY_BYTES = 8;
const PRESENT = 0xc0;
const PAGES_AT_A_TIME = 1024;

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

/** The parts of a region that are there: most of what a process has reserved it has never touched. */
function touchedParts(pageMap: number, { start, end, name }: Region): readonly Region[] {
  const parts: Region[] = [];
  const entries = Buffer.alloc(PAGES_AT_A_TIME * ENTRY_BYTES);
  let open: number | undefined;
  const close = (at: number): void => {
    if (open !== undefined) {
      parts.push({ start: open, end: at, name });
      open = undefined;
    }
  };
  for (let at = start; at < end; at += PAGES_AT_A_TIME * PAGE_BYTES) {
    const pages = Math.min(PAGES_AT_A_TIME, (end - at) / PAGE_BYTES);
    const read = readSomeOf(
      pageMap,
      entries.subarray(0, pages * ENTRY_BYTES),
      (at / PAGE_BYTES) * ENTRY_BYTES,
    );
    for (let page = 0; page < pages; page += 1) {
      const highest = (page + 1) * ENTRY_BYTES - 1;
      const here = at + page * PAGE_BYTES;
      if (highest < read && ((entries[highest] ?? 0) & PRESENT) !== 0) {
        open ??= here;
      } else {
        close(here);
      }
    }
    // Bounded, so that a part is read in one piece. Values across this bound are seen by their beginning or their end.
    close(at + pages * PAGE_BYTES);
  }
  return parts;
}

/** All values of the scanner that stand in the memory of the process. */
export function leaksInMemory(scanner: LeakScanner, pid: number): readonly Leak[] {
  const [memory, pageMap] = [openSync(`/proc/${pid}/mem`, 'r'), openSync(`/proc/${pid}/pagemap`, 'r')];
  try {
    return writableRegions(pid)
      .flatMap((region) => touchedParts(pageMap, region))
      .flatMap(({ start, end, name }) => {
        const bytes = Buffer.alloc(end - start);
        const read = readSomeOf(memory, bytes, start);
        const place = `the memory of ${pid} at ${start.toString(16)} ${name}`.trim();
        return scanner.scan(bytes.subarray(0, read), place);
      });
  } finally {
    closeSync(memory);
    closeSync(pageMap);
  }
}

/** How many bytes could be read: none of what the process has given back meanwhile. */
function readSomeOf(file: number, buffer: Buffer, position: number): number {
  try {
    return readSync(file, buffer, 0, buffer.length, position);
  } catch {
    return 0;
  }
}
