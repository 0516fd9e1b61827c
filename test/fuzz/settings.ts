// SPDX-License-Identifier: Apache-2.0
import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';

export interface FuzzSettings {
  readonly runs: number;
  readonly seed: number;
  readonly only: string;
  readonly replay: string | undefined;
  readonly coverage: boolean;
  readonly workers: number;
}

const RUNS_DEFAULT = 20_000;
const SEED_LIMIT = 2 ** 32;

export function settingsOf(environment: NodeJS.ProcessEnv): FuzzSettings {
  const { COVERAGE, ONLY = '', REPLAY, RUNS, SEED, WORKERS } = environment;
  return {
    runs: numberOf('RUNS', RUNS, RUNS_DEFAULT),
    seed: numberOf('SEED', SEED, randomInt(SEED_LIMIT)),
    only: ONLY,
    replay: REPLAY === '' ? undefined : REPLAY,
    coverage: COVERAGE !== '0',
    workers: numberOf('WORKERS', WORKERS, availableParallelism(), 1),
  };
}

function numberOf(name: string, text: string | undefined, otherwise: number, least = 0): number {
  if (text === undefined || text === '') {
    return otherwise;
  }
  if (!/^\d{1,10}$/.test(text) || Number(text) < least) {
    throw new Error(`${name} is a number from ${least} on, not ${JSON.stringify(text)}`);
  }
  return Number(text);
}
