// SPDX-License-Identifier: Apache-2.0
// The benchmark of clusters: three managers beside three members of etcd and three engines in a swarm, on one machine and one
// disk, loaded by one and the same process of clients that spread over the members.
//
//   node test/bench/run.mjs cluster [--quick] [--no-failover] [--case-seconds=N] [etcd] [swarm] [coffer]
import { mkdtempSync, statfsSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { atProcessEnd, removeDirectory } from '../support/cleanup.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import { cofferCluster } from './cluster-coffer.ts';
import { startEtcdCluster } from './cluster-etcd.ts';
import { type Loaded, loadRole, machine_ms } from './cluster-load.ts';
import { startSwarmCluster } from './cluster-swarm.ts';
import type { ClusterUnderTest } from './cluster-under-test.ts';
import { inPhase } from './phases.ts';
import { answerQuestions, Child } from './raft-child.ts';
import { noteRows, printTable } from './table.ts';

type LoadChild = Child<ReturnType<typeof loadRole>>;

const CLIENTS = [1, 16, 64, 256] as const;
const WRITE_BYTES = [256, 1_024] as const;
const READ_BYTES = 256;
const FAILOVERS = 5;
/** What compilers take until they have seen it all, and more than caches do. */
const WARM_MS = 8_000;
const TMPFS_MAGIC = 0x01021994;

const SYSTEMS: Readonly<Record<string, (directory: string) => Promise<ClusterUnderTest | string>>> = {
  etcd: startEtcdCluster,
  swarm: startSwarmCluster,
  coffer: async (directory) => {
    const common = { directory, env: { COFFER_LOG_LEVEL: 'info' } };
    return cofferCluster(await ManagerCluster.start({ size: 3, common }));
  },
};

interface Row {
  readonly what: string;
  readonly bytes: number;
  readonly clients: number;
  readonly loaded: Loaded;
}

async function measureCluster(
  cluster: ClusterUnderTest,
  load: LoadChild,
  failovers: number,
  duration_ms: number,
): Promise<void> {
  const { name, targets, write, read } = cluster;
  const cases = [
    ...WRITE_BYTES.map((bytes) => ({ what: write, operation: 'write' as const, bytes })),
    ...(read === undefined ? [] : [{ what: read, operation: 'read' as const, bytes: READ_BYTES }]),
  ];
  const rows: Row[] = [];
  process.stderr.write(`${name} `);
  // Compilers and caches get warm before the first row, for everyone alike.
  const warm = { targets, operation: 'write' as const, clients: 64, value_bytes: READ_BYTES, prefix: 'warm' };
  await load.ask('measure', { ...warm, duration_ms: Math.min(WARM_MS, 8 * duration_ms) });
  await cluster.clear?.();
  for (const { what, operation, bytes } of cases) {
    for (const clients of CLIENTS) {
      const prefix = `b${bytes}-${operation}-${clients}`;
      const shared = { targets, operation, clients, value_bytes: bytes };
      // Connections, caches and compilers get warm.
      await load.ask('measure', { ...shared, duration_ms: duration_ms / 8, prefix: `${prefix}-warm` });
      rows.push({
        what,
        bytes,
        clients,
        loaded: await inPhase(operation, () => load.ask('measure', { ...shared, duration_ms, prefix })),
      });
      await cluster.clear?.();
      process.stderr.write('.');
    }
  }
  process.stderr.write(' done\n');
  printRows(name, rows);
  if (failovers > 0) {
    await measureFailover(cluster, load, failovers);
  }
}

/** From the death of the leader to the end of the first write that began afterwards and was accepted. */
async function measureFailover(cluster: ClusterUnderTest, load: LoadChild, rounds: number): Promise<void> {
  const { name, targets } = cluster;
  const times_ms: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const leader = await cluster.leader();
    await load.ask('startWriting', { targets, prefix: `f${round}` });
    const since_ms = machine_ms();
    await leader.kill();
    times_ms.push(await load.ask('stopWriting', { since_ms }));
    await leader.start();
  }
  const sorted = times_ms.toSorted((a, b) => a - b).map((time_ms) => (time_ms / 1_000).toFixed(2));
  process.stdout.write(
    `${name}: the leader is killed (SIGKILL); seconds to the first write that is accepted: ${sorted.join('  ')}\n\n`,
  );
  noteRows([['killed', 'failover s'], ...sorted.map((time_s) => [name, time_s])]);
}

function printRows(name: string, rows: readonly Row[]): void {
  process.stdout.write('\n');
  printTable([
    [name, 'bytes', 'clients', 'calls', 'per s', 'p50 ms', 'p99 ms', 'max ms', 'load cpu %'],
    ...rows.map(({ what, bytes, clients, loaded: { timing, processor_percent } }) => [
      what,
      String(bytes),
      String(clients),
      String(timing.calls),
      timing.perSecond.toFixed(0),
      timing.p50_ms.toFixed(2),
      timing.p99_ms.toFixed(2),
      timing.max_ms.toFixed(1),
      processor_percent.toFixed(0),
    ]),
  ]);
}

async function main(words: readonly string[]): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), 'coffer-'));
  atProcessEnd(() => removeDirectory(directory));
  const [cpu] = cpus();
  process.stdout.write(
    `clusters of three on one machine; ${cpus().length} x ${cpu?.model ?? 'unknown'}, Node ${process.version}; ` +
      'each client has one call at a time on a connection of its own, and speaks to one member\n',
  );
  if (statfsSync(directory).type === TMPFS_MAGIC) {
    process.stdout.write(`${tmpdir()} is memory: a sync costs nothing there (TMPDIR names another place)\n`);
  }
  const quick = words.includes('--quick');
  const [, case_s] = words.join(' ').match(/--case-seconds=([\d.]+)/) ?? [];
  const duration_ms = case_s === undefined ? (quick ? 500 : 4_000) : Number(case_s) * 1_000;
  // A leader that is killed leaves no profile.
  const failovers = words.includes('--no-failover') ? 0 : quick ? 1 : FAILOVERS;
  const wanted = Object.entries(SYSTEMS).filter(([name]) => words.includes(name));
  for (const [name, start] of wanted.length === 0 ? Object.entries(SYSTEMS) : wanted) {
    const cluster = await start(directory);
    if (typeof cluster === 'string') {
      process.stdout.write(`\n${name} is left out: ${cluster}\n`);
      continue;
    }
    const load = Child.start<ReturnType<typeof loadRole>>('load');
    try {
      await measureCluster(cluster, load, failovers, duration_ms);
    } finally {
      await load.stop();
      await cluster.stop();
    }
  }
}

const [, , role = '', ...rest] = process.argv;
if (role === 'load') {
  answerQuestions(loadRole());
} else {
  main([role, ...rest]).catch((thrown: unknown) => {
    process.stderr.write(
      `\nThe benchmark failed: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`,
    );
    process.exitCode = 1;
  });
}
