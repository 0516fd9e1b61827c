// SPDX-License-Identifier: Apache-2.0
// Whether the daemons' memory is flat over a run.
import { residentMemory } from '../support/process-status.ts';

export interface MemorySample {
  readonly at_ms: number;
  readonly pid: number;
  readonly size_bytes: number;
}

/** How much more memory than in the first quarter of a run a daemon may have in its last. */
export const GROWTH_BYTES_MAX = 64 * 1024 * 1024;
/** A process that has just been started is not yet as large as it will be. */
const SETTLED_MS = 20_000;
/** With fewer samples in a quarter nothing is said. */
const SAMPLES_MIN = 3;

export interface MemorySummary {
  readonly name: string;
  readonly processes: number;
  readonly first_bytes: number;
  readonly last_bytes: number;
  readonly most_bytes: number;
  /** Absent where the run was too short to tell. */
  readonly growth_bytes?: number;
}

/** What the samples of one daemon come to, whichever processes they are of. `undefined` without any. */
export function summarize(name: string, samples: readonly MemorySample[]): MemorySummary | undefined {
  const [first] = samples;
  const last = samples.at(-1);
  if (first === undefined || last === undefined) {
    return undefined;
  }
  const settled = settledOf(samples);
  const quarter = Math.floor(settled.length / 4);
  const growth_bytes = median(settled.slice(-quarter)) - median(settled.slice(0, quarter));
  return {
    name,
    processes: new Set(samples.map(({ pid }) => pid)).size,
    first_bytes: first.size_bytes,
    last_bytes: last.size_bytes,
    most_bytes: Math.max(...samples.map(({ size_bytes }) => size_bytes)),
    ...(quarter < SAMPLES_MIN ? {} : { growth_bytes }),
  };
}

/** As a table for people. */
export function memoryTable(summaries: readonly MemorySummary[]): readonly string[] {
  const size = (bytes: number | undefined): string =>
    bytes === undefined ? '-' : `${(bytes / 1024 / 1024).toFixed(0)} MB`;
  const rows = summaries.map((summary) => [
    summary.name,
    String(summary.processes),
    size(summary.first_bytes),
    size(summary.last_bytes),
    size(summary.most_bytes),
    size(summary.growth_bytes),
  ]);
  return [['MEMORY OF', 'PROCESSES', 'FIRST', 'LAST', 'MOST', 'GROWTH'], ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(column === 0 ? 22 : 11))
      .join('')
      .trimEnd(),
  );
}

/** Samples of daemons that come and go, by their names. */
export class MemorySamples {
  readonly #samples = new Map<string, MemorySample[]>();

  /** Takes one of each that runs. */
  take(pids: Readonly<Record<string, () => number | undefined>>): void {
    for (const [name, pidOf] of Object.entries(pids)) {
      try {
        const pid = pidOf();
        if (pid !== undefined) {
          const sample = { at_ms: performance.now(), pid, size_bytes: residentMemory(pid) };
          this.#samples.set(name, [...(this.#samples.get(name) ?? []), sample]);
        }
      } catch {
        // It does not run now.
      }
    }
  }

  /** The newest of each, in megabytes. */
  latest(): string {
    const sizes = [...this.#samples].map(([, samples]) => samples.at(-1)?.size_bytes ?? 0);
    return sizes.map((bytes) => (bytes / 1024 / 1024).toFixed(0)).join('/');
  }

  summaries(): readonly MemorySummary[] {
    return [...this.#samples].flatMap(([name, samples]) => summarize(name, samples) ?? []);
  }
}

function settledOf(samples: readonly MemorySample[]): readonly number[] {
  const begun = new Map<number, number>();
  return samples.flatMap(({ at_ms, pid, size_bytes }) => {
    const begun_ms = begun.get(pid) ?? at_ms;
    begun.set(pid, begun_ms);
    return at_ms - begun_ms < SETTLED_MS ? [] : [size_bytes];
  });
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? 0;
}
