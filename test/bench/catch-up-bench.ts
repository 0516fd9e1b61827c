// SPDX-License-Identifier: Apache-2.0
// The benchmark of followers that were away: how fast a manager that joins gets the state of a cluster with many secrets, and how fast
// one that stood still goes through the entries that it has missed.
//
//   node test/bench/run.mjs catch-up [SECRETS] [--quick]     100,000 secrets unless said otherwise
import { mkdirSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { ManagerCluster } from '../support/manager-cluster.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { processor_ms } from '../support/process-status.ts';
import { projectRoot } from '../support/project.ts';
import { inParallel } from '../support/secret-calls.ts';
import { waitFor } from '../support/wait-for.ts';
import { inPhase } from './phases.ts';
import { answerQuestions } from './raft-child.ts';
import { storeRole } from './raft-store.ts';
import { withStoreChild } from './raft-under-load.ts';
import { printTable } from './table.ts';

const SECRETS = 100_000;
const SECRETS_QUICK = 10_000;
const SECRETS_MAX = 1_000_000;
/** Fewer than a log retains: one that has missed more gets the state. */
const ENTRIES = 9_000;
const ENTRIES_QUICK = 2_000;
const WIDTH = 64;
const VALUE_BYTES = 64;
const CAUGHT_UP_MS_MAX = 600_000;
/** A status costs the follower more than many entries. */
const POLL_MS = 250;
const ROUNDS = 3;

interface CaughtUp {
  readonly what: string;
  readonly count: number;
  readonly time_ms: number;
  readonly follower_ms: number;
  readonly leader_ms: number;
}

/** Resolves when the follower has applied and loaded all that the leader has committed by now. */
async function hasCaughtUp(follower: ManagerProcess, leader: ManagerProcess): Promise<void> {
  const committed = (await leader.status()).store?.commitIndex ?? 0;
  await waitFor(
    async () => {
      const { store } = await follower.status();
      return store !== undefined && store.appliedIndex >= committed && store.loaded_percent === undefined;
    },
    { what: 'the follower to have caught up', timeout_ms: CAUGHT_UP_MS_MAX, interval_ms: POLL_MS },
  );
}

async function measureState(cluster: ManagerCluster, secrets: number): Promise<CaughtUp> {
  const leader = await cluster.leader();
  const before_ms = processor_ms(leader.pid);
  const began_ms = performance.now();
  const follower = await cluster.begin({ through: leader });
  await hasCaughtUp(follower, leader);
  return {
    what: 'a manager joins, and is sent the state',
    count: secrets,
    time_ms: performance.now() - began_ms,
    follower_ms: processor_ms(follower.pid),
    leader_ms: processor_ms(leader.pid) - before_ms,
  };
}

async function measureEntries(cluster: ManagerCluster, entries: number, round: number): Promise<CaughtUp> {
  const [leader, follower] = [await cluster.leader(), await cluster.follower()];
  follower.pause();
  try {
    const numbers = Array.from({ length: entries }, (_, number) => number);
    await inParallel(numbers, WIDTH, async (number) => {
      await leader.put(`away-${round}-${number}`, 'x'.repeat(VALUE_BYTES));
    });
  } finally {
    follower.resume();
  }
  const [before_ms, leaderBefore_ms] = [processor_ms(follower.pid), processor_ms(leader.pid)];
  const began_ms = performance.now();
  await inPhase('entries', () => hasCaughtUp(follower, leader));
  process.stderr.write('.');
  return {
    what: 'one that stood still is sent what it has missed',
    count: entries,
    time_ms: performance.now() - began_ms,
    follower_ms: processor_ms(follower.pid) - before_ms,
    leader_ms: processor_ms(leader.pid) - leaderBefore_ms,
  };
}

function middleOf(measured: readonly CaughtUp[]): CaughtUp {
  const middle = measured.toSorted((a, b) => a.time_ms - b.time_ms)[Math.floor(measured.length / 2)];
  if (middle === undefined) {
    throw new RangeError('nothing was measured');
  }
  return middle;
}

async function measure(secrets: number, entries: number): Promise<readonly CaughtUp[]> {
  // Not in /tmp, which is memory on some machines.
  const directory = path.join(projectRoot(), 'build');
  mkdirSync(directory, { recursive: true });
  const common = { directory, env: { COFFER_LOG_LEVEL: 'warn' } };
  const cluster = await ManagerCluster.start({ size: 1, common });
  try {
    const first = cluster.at(0);
    await first.stop();
    process.stderr.write(`storing ${secrets} secrets ... `);
    await withStoreChild(async (child) => {
      await child.ask('open', { directory: first.stateDirectory });
      await child.ask('fill', { secrets, value_bytes: VALUE_BYTES });
      await child.ask('close', undefined);
    });
    await first.start();
    await first.serving(CAUGHT_UP_MS_MAX);
    process.stderr.write('done, managers join ');
    const states = await inPhase('state', async () => [
      await measureState(cluster, secrets),
      await measureState(cluster, secrets),
    ]);
    await cluster.whole();
    process.stderr.write('.. and are away ');
    const missed: CaughtUp[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      missed.push(await measureEntries(cluster, entries, round));
    }
    await Promise.all(cluster.managers.map((manager) => manager.stop()));
    process.stderr.write(' done\n\n');
    return [middleOf(states), middleOf(missed)];
  } finally {
    await cluster.destroy();
  }
}

/** How many secrets are wished, if that is said. */
function secretsIn(words: readonly string[]): number | undefined {
  const word = words.find((one, at) => !one.startsWith('-') && one !== '' && words[at - 1] !== '--json');
  const secrets = Number(word);
  if (word !== undefined && (!Number.isInteger(secrets) || secrets < 1 || secrets > SECRETS_MAX)) {
    throw new RangeError(`${word} is no number of secrets from 1 to ${SECRETS_MAX}`);
  }
  return word === undefined ? undefined : secrets;
}

async function main(words: readonly string[]): Promise<void> {
  const [cpu] = cpus();
  process.stdout.write(
    `followers that catch up, all managers on one machine; ${cpus().length} x ${cpu?.model ?? 'unknown'}, Node ${process.version}; ` +
      `values of ${VALUE_BYTES} bytes; the processor of the follower and of the leader for each secret or entry, with what a start takes\n\n`,
  );
  const quick = words.includes('--quick');
  const measured = await measure(
    secretsIn(words) ?? (quick ? SECRETS_QUICK : SECRETS),
    quick ? ENTRIES_QUICK : ENTRIES,
  );
  printTable([
    ['what', 'secrets or entries', 's', 'per s', 'follower us', 'leader us'],
    ...measured.map(({ count, follower_ms, leader_ms, time_ms, what }) => [
      what,
      String(count),
      (time_ms / 1_000).toFixed(2),
      ((count * 1_000) / time_ms).toFixed(0),
      ((follower_ms * 1_000) / count).toFixed(1),
      ((leader_ms * 1_000) / count).toFixed(1),
    ]),
  ]);
}

const [, , role = '', ...rest] = process.argv;
if (role === 'store') {
  answerQuestions(storeRole());
} else {
  main([role, ...rest]).catch((thrown: unknown) => {
    process.stderr.write(
      `\nThe benchmark failed: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`,
    );
    process.exitCode = 1;
  });
}
