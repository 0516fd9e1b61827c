// SPDX-License-Identifier: Apache-2.0
// The command line `coffer`, which is `docker coffer` when docker starts it as docker-coffer.
import { fstatSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CofferError, systemErrorCode } from '../common/index.ts';
import { EXIT } from './command-error.ts';
import type { Io } from './io.ts';
import { watchDockerSocket } from './plugin-protocol.ts';
import { run } from './run.ts';

const EXIT_INTERRUPTED = 130;
const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function processIo(): Io {
  const { stdout, stderr, env, argv } = process;
  return {
    // Node makes it when it is first looked at, which takes longer than most commands, and few of them read it.
    get stdin() {
      return process.stdin;
    },
    stdout,
    stdoutIsFile,
    stderr,
    env,
    homeDirectory: homedir(),
    runDirectory: '/run',
    asDockerPlugin: path.basename(argv[1] ?? '').startsWith('docker-coffer'),
    now_ms: Date.now,
    pause: (duration_ms) => delay(duration_ms),
    whenEnded,
  };
}

function stdoutIsFile(): boolean {
  try {
    return fstatSync(process.stdout.fd).isFile();
  } catch {
    return false;
  }
}

/** Also when docker closes its socket, which ends the process by itself. */
function whenEnded(work: () => void): () => void {
  const end = (): never => process.exit(EXIT_INTERRUPTED);
  process.once('exit', work);
  ENDING_SIGNALS.forEach((signal) => process.once(signal, end));
  return () => {
    process.off('exit', work);
    ENDING_SIGNALS.forEach((signal) => process.off(signal, end));
  };
}

/** What is to be done about it, if anything, is what is done about the signal. */
function interrupt(): void {
  if (process.listenerCount('SIGINT') === 0) {
    process.exit(EXIT_INTERRUPTED);
  }
  process.kill(process.pid, 'SIGINT');
}

/** A reader that has seen enough (`coffer ls | head -1`) is no error. */
function endQuietlyOnClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: Error) => {
      process.exit(systemErrorCode(error) === 'EPIPE' ? EXIT.done : EXIT.failed);
    });
  }
}

async function main(): Promise<void> {
  endQuietlyOnClosedPipe();
  const io = processIo();
  if (io.asDockerPlugin) {
    watchDockerSocket(io.env, interrupt);
  }
  try {
    process.exitCode = await run(process.argv.slice(2), io);
  } catch (thrown) {
    io.stderr.write(`coffer: ${CofferError.from(thrown).detail}\n`);
    process.exitCode = EXIT.failed;
  }
}

void main();
