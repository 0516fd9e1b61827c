// SPDX-License-Identifier: Apache-2.0
// What a test started is ended when its process ends, however it ends. This is the last resort, and
// synchronous, since nothing else runs then; a test that goes well ends its things itself.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

type CleanUp = () => void;

const pending = new Set<CleanUp>();
let installed = false;
let interrupt: (() => void) | undefined;

function install(): void {
  if (installed) {
    return;
  }
  installed = true;
  process.once('exit', () => {
    // Newest first: a process before the directory that it works in.
    for (const cleanUp of [...pending].reverse()) {
      try {
        cleanUp();
      } catch (error) {
        process.stderr.write(`cleaning up failed: ${String(error)}\n`);
      }
    }
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    // For good: a second signal must not end the process amid its clean-up.
    process.on(signal, () => {
      const handler = interrupt;
      interrupt = undefined;
      if (handler === undefined) {
        process.exit(130);
      }
      handler();
    });
  }
}

/** Has the first signal that would end the process call `handler` instead, which ends it in its own time. The second one ends it. */
export function onFirstInterrupt(handler: () => void): void {
  install();
  interrupt = handler;
}

/** Has `cleanUp` called when the process ends, unless the returned function was called before. */
export function atProcessEnd(cleanUp: CleanUp): () => void {
  install();
  pending.add(cleanUp);
  return () => void pending.delete(cleanUp);
}

/** Sends SIGKILL to a process; none of that id is no error, nor is the lack of one, of a program that could not be started. */
export function killProcess(pid: number | undefined): void {
  try {
    // 0 would be this process's own group.
    if (pid === undefined || pid <= 0) {
      return;
    }
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
      throw error;
    }
  }
}

/** Removes a directory in which processes that just died may still be writing. */
export function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
}

/** Repeats what fails while a killed process is still ending, without giving up the thread: for `atProcessEnd`. */
export function retryForAWhile(work: () => void): void {
  const deadline = performance.now() + 5_000;
  for (;;) {
    try {
      work();
      return;
    } catch (error) {
      if (performance.now() > deadline) {
        throw error;
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}

export interface TemporaryDirectory {
  readonly path: string;
  remove(): void;
}

/**
 * A new directory with a short path (a Unix socket's may have 107 bytes), removed at the latest when the process ends.
 * It is made in `parent`, by default where the system has its temporary files.
 */
export function temporaryDirectory(parent: string = tmpdir()): TemporaryDirectory {
  const directory = mkdtempSync(path.join(parent, 'coffer-'));
  const forget = atProcessEnd(() => removeDirectory(directory));
  return {
    path: directory,
    remove() {
      removeDirectory(directory);
      forget();
    },
  };
}
