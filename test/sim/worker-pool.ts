// SPDX-License-Identifier: Apache-2.0
// Processes that run seeds side by side.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { atProcessEnd, killProcess } from '../support/cleanup.ts';
import { processor_ms } from '../support/process-status.ts';
import type { WorkerRequest, WorkerResult } from './worker.ts';

export interface PoolOptions {
  /** The simulator's bundle. */
  readonly bundle: string;
  readonly workers: number;
  readonly request: Omit<WorkerRequest, 'seeds'>;
  /** Called for lines of a trace. */
  readonly onLine?: (line: string) => void;
}

/** What a seed came to: a result, or a process that ended or did not. */
export type SeedOutcome =
  | { readonly kind: 'result'; readonly result: WorkerResult }
  | { readonly kind: 'broken'; readonly seed: string; readonly why: string };

/**
 * Most seeds take a fraction of a second; one that has this much of a processor will not end. By the clock it may take long, where
 * much else runs.
 */
const SEED_PROCESSOR_MS_MAX = 60_000;
const SEED_TIME_MS_MAX = 600_000;
const LOOK_MS = 1_000;

/**
 * Runs the seeds in `workers` processes, each seed as soon as one is free, and calls `onOutcome` for each. It stops early
 * when that returns false.
 */
export async function runSeeds(
  options: PoolOptions,
  seeds: Iterable<string>,
  onOutcome: (outcome: SeedOutcome) => boolean,
): Promise<void> {
  const queue = seeds[Symbol.iterator]();
  let stopped = false;
  const next = (): string | undefined => {
    const result = stopped ? undefined : queue.next();
    return result === undefined || result.done === true ? undefined : result.value;
  };
  const work = async (): Promise<void> => {
    let worker: Worker | undefined;
    for (let seed = next(); seed !== undefined; seed = next()) {
      worker ??= new Worker(options);
      const outcome = await worker.run(seed);
      if (outcome.kind === 'broken') {
        await worker.end();
        worker = undefined;
      }
      if (!stopped && !onOutcome(outcome)) {
        stopped = true;
      }
    }
    await worker?.end();
  };
  await Promise.all(Array.from({ length: options.workers }, work));
}

class Worker {
  readonly #child: ChildProcess;
  readonly #options: PoolOptions;
  readonly #forget: () => void;
  readonly #exited: Promise<unknown>;
  #settle: ((outcome: SeedOutcome) => void) | undefined;
  #complaint = '';

  constructor(options: PoolOptions) {
    this.#options = options;
    const child = spawn(process.execPath, ['--enable-source-maps', options.bundle], { stdio: 'pipe' });
    this.#child = child;
    this.#exited = once(child, 'exit');
    const { pid } = child;
    this.#forget = pid === undefined ? () => undefined : atProcessEnd(() => killProcess(pid));
    child.stdin.on('error', () => undefined);
    child.stderr.on('data', (chunk: Buffer) => {
      this.#complaint += chunk.toString('utf8');
    });
    createInterface({ input: child.stdout }).on('line', (line) => this.#take(line));
  }

  run(seed: string): Promise<SeedOutcome> {
    return new Promise((resolve) => {
      const broken = (why: string): void => settle({ kind: 'broken', seed, why });
      const [used_ms, began_ms] = [this.#used_ms(), performance.now()];
      const look = setInterval(() => {
        if (this.#used_ms() - used_ms > SEED_PROCESSOR_MS_MAX) {
          broken(`no end within ${SEED_PROCESSOR_MS_MAX / 1_000} s of a processor`);
        } else if (performance.now() - began_ms > SEED_TIME_MS_MAX) {
          broken(`no end within ${SEED_TIME_MS_MAX / 1_000} s`);
        }
      }, LOOK_MS);
      const settle = (outcome: SeedOutcome): void => {
        clearInterval(look);
        this.#settle = undefined;
        resolve(outcome);
      };
      this.#settle = settle;
      this.#exited.then(
        () => this.#settle === settle && broken(`the process ended: ${this.#complaint.trim()}`),
        () => undefined,
      );
      this.#child.stdin?.write(`${JSON.stringify({ ...this.#options.request, seeds: [seed] })}\n`);
    });
  }

  /** Milliseconds of a processor that it has had; none where it is gone. */
  #used_ms(): number {
    const { exitCode, pid, signalCode } = this.#child;
    return pid === undefined || exitCode !== null || signalCode !== null ? 0 : processor_ms(pid);
  }

  async end(): Promise<void> {
    const { pid } = this.#child;
    if (pid !== undefined && this.#child.exitCode === null) {
      killProcess(pid);
      await this.#exited;
    }
    this.#forget();
  }

  #take(line: string): void {
    if (line.startsWith('{"seed"')) {
      this.#settle?.({ kind: 'result', result: JSON.parse(line) as WorkerResult });
    } else {
      this.#options.onLine?.(line);
    }
  }
}
