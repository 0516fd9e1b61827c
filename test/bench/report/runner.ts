// SPDX-License-Identifier: Apache-2.0
import type { Section } from './markdown.ts';

/** How a section of the report is to be measured. */
export interface RunOptions {
  /** On a disk, empty at first, and the section's to fill. */
  readonly directory: string;
  readonly quick: boolean;
  /** For how long a curve may go on to larger sizes; a size that was begun is ended. */
  readonly curve_ms: number;
}

export type Runner = (options: RunOptions) => Promise<Section>;

/** Tells the one who waits what is measured now. */
export function say(what: string): void {
  process.stderr.write(`  ${what}\n`);
}

interface Taken {
  readonly size: number;
  readonly time_ms: number;
}

/**
 * The sizes up to the one that cannot be expected to end in time: by a line through the two before it, or for the second one as
 * long as the first, most of which is the start of processes. The first is measured whatever it takes.
 */
export function* sizesInTime(
  sizes: readonly number[],
  limit_ms: number,
  now_ms: () => number = () => performance.now(),
): Generator<number> {
  const began_ms = now_ms();
  let before: Taken | undefined;
  for (const [place, size] of sizes.entries()) {
    const size_ms = now_ms();
    yield size;
    const taken: Taken = { size, time_ms: now_ms() - size_ms };
    const next = sizes[place + 1] ?? size;
    if (
      now_ms() - began_ms + expected_ms(before ?? { size: 0, time_ms: taken.time_ms }, taken, next) >
      limit_ms
    ) {
      return;
    }
    before = taken;
  }
}

/** Never less than the last one took: noise may have made that one short. */
function expected_ms(before: Taken, last: Taken, next: number): number {
  const each_ms = (last.time_ms - before.time_ms) / (last.size - before.size);
  return last.time_ms + Math.max(0, each_ms) * (next - last.size);
}
