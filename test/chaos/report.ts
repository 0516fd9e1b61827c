// SPDX-License-Identifier: Apache-2.0
// What a run shows on the screen, and what it keeps of one that failed.
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** As much of a failure as a person reads. */
const FAILURE_CHARACTERS = 2_000;

/** `75000` as `01:15`. */
export function clock(time_ms: number): string {
  const seconds = Math.floor(time_ms / 1_000);
  const two = (number: number): string => String(number).padStart(2, '0');
  return `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;
}

export class Report {
  /** What is kept of a run: nothing of one that went well. */
  readonly directory: string;
  readonly #began_ms = performance.now();
  readonly #write: (text: string) => void;
  readonly #counts = new Map<string, number>();
  #passed = 0;
  readonly #failures: string[] = [];

  /** `directory` is emptied. */
  constructor(directory: string, write: (text: string) => void) {
    this.directory = directory;
    this.#write = write;
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  get failures(): readonly string[] {
    return this.#failures;
  }

  /** How long ago the run began. */
  get elapsed_ms(): number {
    return performance.now() - this.#began_ms;
  }

  line(text: string): void {
    const line = `${clock(this.elapsed_ms)} ${text}\n`;
    this.#write(line);
    appendFileSync(path.join(this.directory, 'screen'), line);
  }

  /** What is kept of a run that failed, and is not worth a line on the screen. */
  note(text: string): void {
    appendFileSync(path.join(this.directory, 'notes'), `${clock(this.elapsed_ms)} ${text}\n`);
  }

  count(what: string, by = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + by);
  }

  /** One line of all that was counted, and of what holds now. */
  counters(now: string): void {
    const counted = [...this.#counts].map(([what, count]) => `${what} ${count}`);
    this.line(`  ${[...counted, now].join(', ')}`);
  }

  /** Notes down a check: passed where there are no `problems`. */
  check(what: string, problems: readonly string[]): void {
    if (problems.length === 0) {
      this.#passed += 1;
      return;
    }
    const failure = `${what}: ${problems.join('\n    ').slice(0, FAILURE_CHARACTERS)}`;
    this.#failures.push(failure);
    this.line(`FAILED ${failure}`);
  }

  /** The same for what is done, and may throw; resolves to whether it did not. */
  async attempt(what: string, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      this.check(what, []);
      return true;
    } catch (error) {
      this.check(what, [describe(error)]);
      return false;
    }
  }

  keep(file: string, text: string): void {
    writeFileSync(path.join(this.directory, file), text, { mode: 0o600 });
  }

  /** The last line. Resolves to whether all went well; then nothing is kept. */
  end(seed: number): boolean {
    const well = this.#failures.length === 0;
    if (well) {
      rmSync(this.directory, { recursive: true, force: true });
    } else {
      this.#write(`the history and the logs are in ${path.relative(process.cwd(), this.directory)}\n`);
      this.#write(`SEED=${seed} draws the same faults again\n`);
    }
    this.#write(`chaos: ${this.#passed} checks passed, ${this.#failures.length} failed\n`);
    return well;
  }
}

/** An error and what caused it, in one line. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  return error.cause === undefined ? error.message : `${error.message}: ${describe(error.cause)}`;
}
