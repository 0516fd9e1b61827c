// SPDX-License-Identifier: Apache-2.0
// A start verifies the log and all metadata. The values, which may be many, are looked through afterwards.
import { setTimeout as sleep } from 'node:timers/promises';
import { CofferError, type Logger } from '../common/index.ts';
import type { SecretStore } from '../store/index.ts';

/** How many values are opened before others get their turn, and for how long. */
const VALUES_PER_TURN = 8;
const TURN_MS = 5;

/** How many damaged values are named; all are counted. */
const NAMED_MAX = 100;

export interface Scrub {
  /** Values opened so far, damaged ones among them. */
  readonly examined: number;
  readonly finished: boolean;
  readonly damagedCount: number;
  /** `NAME version N`, of the first hundred. */
  readonly damaged: readonly string[];
  stop(): void;
}

/** Opens every value once, in the background, so that damage is known before a task needs the value. */
export function scrubValues(store: SecretStore, logger: Logger): Scrub {
  const damaged: string[] = [];
  const progress = { examined: 0, finished: false, damagedCount: 0, stopped: false };
  const examine = (name: string, secretId: string, version: number): void => {
    progress.examined += 1;
    try {
      store.readValue(secretId, version).wipe();
    } catch (thrown) {
      // The version may have been removed since the list was made.
      const there = store.byId(secretId)?.versions.some(({ number }) => number === version) ?? false;
      const error = CofferError.from(thrown);
      if (there && error.code === 'store.damaged') {
        progress.damagedCount += 1;
        if (damaged.length < NAMED_MAX) {
          damaged.push(`${name} version ${version}`);
        }
        logger.error('a value is damaged', { secret: name, version, reason: error.message });
      }
    }
  };
  const examineAll = async (): Promise<void> => {
    let turn = 0;
    for (const secret of store.list()) {
      for (const { number } of secret.versions) {
        if (progress.stopped) {
          return;
        }
        examine(secret.name, secret.id, number);
        turn += 1;
        if (turn % VALUES_PER_TURN === 0) {
          await sleep(TURN_MS, undefined, { ref: false });
        }
      }
    }
    progress.finished = true;
  };
  examineAll().catch((thrown: unknown) => {
    // The store has ended, and said why.
    logger.debug('the look through all values ended', { reason: CofferError.from(thrown).message });
  });
  return {
    get examined() {
      return progress.examined;
    },
    get finished() {
      return progress.finished;
    },
    get damagedCount() {
      return progress.damagedCount;
    },
    damaged,
    stop: () => {
      progress.stopped = true;
    },
  };
}
