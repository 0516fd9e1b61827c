// SPDX-License-Identifier: Apache-2.0
// Runs a worker, and ends one that does not come back from an input.
import { Worker } from 'node:worker_threads';
import { SharedInput } from './shared-input.ts';
import type { WorkerJob, WorkerReport } from './worker.ts';

/** No parser takes so long for one input, whatever else the machine does. */
const HANG_MS = 30_000;
const HEAP_MB = 512;
const LOOK_MS = 1_000;

export interface WatchedReport extends WorkerReport {
  readonly target: string;
}

export function runWatched(bundle: string, job: Omit<WorkerJob, 'memory'>): Promise<WatchedReport> {
  const memory = SharedInput.memory();
  const shared = new SharedInput(memory);
  const worker = new Worker(bundle, {
    workerData: { ...job, memory } satisfies WorkerJob,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  const lost = (what: string): WatchedReport => {
    const input = shared.input ?? Buffer.alloc(0);
    const failures = [{ what, input, thrown: '' }];
    return { target: job.target, inputs: shared.count, taken: 0, kept: 0, failures };
  };
  return new Promise((resolve) => {
    let seen = -1;
    let since_ms = Date.now();
    const timer = setInterval(() => {
      if (shared.count !== seen || shared.input === undefined) {
        seen = shared.count;
        since_ms = Date.now();
      } else if (Date.now() - since_ms > HANG_MS) {
        resolve(lost(`does not come back within ${HANG_MS} ms`));
        void worker.terminate();
      }
    }, LOOK_MS);
    worker.once('message', (report: WorkerReport) => resolve({ target: job.target, ...report }));
    worker.once('error', (thrown: Error) => resolve(lost(`ends its thread: ${thrown.message}`)));
    worker.once('exit', () => {
      clearInterval(timer);
      resolve(lost('ends its thread'));
    });
  });
}
