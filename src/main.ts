// SPDX-License-Identifier: Apache-2.0
// The daemon's program: settings from the environment, signals, and the exit codes.
// First: what it takes out of the environment is read when express and dockerode are loaded.
import './engine/without-debug.ts';
import { CofferError } from './common/index.ts';
import { createLogger, Daemon, readSettings, version } from './daemon/index.ts';

/** EX_SOFTWARE and EX_CONFIG of sysexits.h. */
const EXIT_FAULT = 70;
const EXIT_SETTINGS = 78;

/** An engine kills a plugin ten seconds after SIGTERM; by then all must be written. */
const STOP_TIMEOUT_MS = 9_000;

async function main(): Promise<void> {
  const read = readSettings(process.env);
  const logger = createLogger(read.settings.logLevel);
  const fail = (sentence: string, thrown: unknown): void => {
    const error = CofferError.from(thrown);
    logger.error(sentence, { reason: error.message, stack: error.stack });
    process.exit(EXIT_FAULT);
  };
  process.on('uncaughtException', (thrown) => fail('an error that nobody caught', thrown));
  process.on('unhandledRejection', (thrown) => fail('a rejection that nobody handled', thrown));

  logger.info('coffer starts', { version, mode: read.settings.mode, node: process.version });
  const daemon = new Daemon({
    ...read,
    logger,
    // After a storage error LevelDB would go on acknowledging what it loses: only a new process helps.
    onFault: (error) => fail('coffer ends, to be started again', error),
  });
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) {
      return;
    }
    stopping = true;
    logger.info('coffer stops', { signal });
    setTimeout(() => fail('coffer did not stop in time', new Error(signal)), STOP_TIMEOUT_MS).unref();
    daemon.stop().then(
      () => process.exit(0),
      (thrown: unknown) => fail('coffer did not stop cleanly', thrown),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  try {
    await daemon.start();
  } catch (thrown) {
    const error = CofferError.from(thrown);
    logger.error('coffer cannot listen', { reason: error.message, hint: error.hint });
    process.exit(EXIT_SETTINGS);
  }
}

void main();
