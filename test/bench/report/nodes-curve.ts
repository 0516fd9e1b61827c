// SPDX-License-Identifier: Apache-2.0
// What a cluster costs as its nodes grow in number: agents on one manager, tasks that are planned for, and managers that vote.
import { ManagerCluster } from '../../support/manager-cluster.ts';
import { cofferCluster } from '../cluster-coffer.ts';
import type { loadRole } from '../cluster-load.ts';
import { Child } from '../raft-child.ts';
import type { NotedRow } from '../table.ts';
import { benchRows, numberIn } from './bench-process.ts';
import { found, Samples, type Subject } from './finding.ts';
import type { Section } from './markdown.ts';
import { type RunOptions, say, sizesInTime } from './runner.ts';

const AGENTS = [10, 30, 100, 300, 1_000, 2_000, 5_000];
const AGENTS_QUICK = [10, 30, 100];
const MANAGERS = [1, 3, 5, 7];
const MANAGERS_QUICK = [1, 3, 5];
const VALUE_BYTES = 256;
const LOG = { x: 'log', y: 'log' } as const;

const PUSHES: Subject = {
  id: 'agents-push',
  title: 'A new version at all agents, as they grow in number',
  about:
    'Milliseconds from the beginning of the `put` until an agent has it, of half of all receipts and of 99 of 100; and what the manager uses of a processor for it.',
  rowTitle: 'agents',
  unit: 'milliseconds',
  shortUnit: 'ms',
  better: 'less',
  each: 'agent',
  scales: LOG,
};
const REGISTERED: Subject = {
  ...PUSHES,
  id: 'agents-register',
  title: 'All agents register at once, as they grow in number',
  about:
    'Milliseconds until all of them have a session, and what they are due, as after a restart of the manager.',
};
const SESSIONS: Subject = {
  ...PUSHES,
  id: 'agents-memory',
  title: 'Memory of the manager for all sessions',
  about: 'MiB more than before they were opened.',
  unit: 'MiB',
  shortUnit: 'MiB',
};

/** What the agents' benchmark says of the manager, as numbers: it prints them with their units. */
function managerFact(rows: readonly NotedRow[], what: string): number {
  const row = rows.find(({ cells }) => cells[0] === what);
  const value = Number.parseFloat(String(row?.cells[1] ?? ''));
  if (Number.isNaN(value)) {
    throw new TypeError(`the benchmark of agents says nothing of "${what}"`);
  }
  return value;
}

export async function agentsSection({ directory, quick, curve_ms }: RunOptions): Promise<Section> {
  const [pushes, registered, sessions] = [new Samples(), new Samples(), new Samples()];
  for (const agents of sizesInTime(quick ? AGENTS_QUICK : AGENTS, curve_ms)) {
    say(`${agents} agents on one manager`);
    const rows = await benchRows(directory, ['agents', '--quick', String(agents)]);
    const pushed = rows.find(({ cells }) => cells[0] === 'from the beginning of the put');
    if (pushed === undefined) {
      throw new TypeError('the benchmark of agents says nothing of the pushes');
    }
    pushes.note(agents, 'half of them', numberIn(pushed, 'p50 ms'));
    pushes.note(agents, '99 of 100', numberIn(pushed, 'p99 ms'));
    pushes.note(agents, 'processor', managerFact(rows, 'processor for one version to all'));
    registered.note(agents, 'all', managerFact(rows, 'all registered, and given what they are due') * 1_000);
    const each_KiB = managerFact(rows, 'memory of a session');
    sessions.note(agents, 'memory', Math.max(0, (each_KiB * agents) / 1024));
  }
  return {
    title: 'As agents grow in number',
    findings: found([
      pushes.finding(PUSHES, ['half of them', '99 of 100', 'processor']),
      registered.finding(REGISTERED, ['all']),
      sessions.finding(SESSIONS, ['memory']),
    ]),
    leftOut: [],
  };
}

export async function plansSection({ directory, quick }: RunOptions): Promise<Section> {
  const samples = new Samples();
  for (let run = 0; run < (quick ? 1 : 3); run += 1) {
    say(`which node is due which secrets, run ${run + 1}`);
    for (const row of await benchRows(directory, quick ? ['plan', '--quick'] : ['plan'])) {
      const tasks = numberIn(row, 'tasks');
      samples.note(tasks, 'the swarm is gone through', numberIn(row, 'the swarm, ms'));
      samples.note(tasks, 'all nodes are planned', numberIn(row, 'all nodes, ms'));
    }
  }
  const subject: Subject = {
    id: 'plans',
    title: 'Which node is due which secrets, as tasks grow in number',
    about: 'Milliseconds of one processor; thirty tasks on each node, with two secrets each.',
    rowTitle: 'tasks',
    unit: 'milliseconds',
    shortUnit: 'ms',
    better: 'less',
    each: 'task',
    scales: LOG,
  };
  return {
    title: 'As tasks grow in number',
    findings: found([samples.finding(subject, ['the swarm is gone through', 'all nodes are planned'])]),
    leftOut: [],
  };
}

export async function managersSection({ directory, quick }: RunOptions): Promise<Section> {
  const [times, rates] = [new Samples(), new Samples()];
  for (const size of quick ? MANAGERS_QUICK : MANAGERS) {
    say(`${size} managers`);
    const common = { directory, env: { COFFER_LOG_LEVEL: 'info' } };
    const { targets, stop } = cofferCluster(await ManagerCluster.start({ size, common }));
    const load = Child.start<ReturnType<typeof loadRole>>('load');
    try {
      const writes = { targets, operation: 'write', value_bytes: VALUE_BYTES } as const;
      const duration_ms = quick ? 500 : 1_500;
      // Compilers get warm.
      await load.ask('measure', { ...writes, clients: 64, duration_ms: 2 * duration_ms, prefix: 'warm' });
      for (let run = 0; run < (quick ? 2 : 3); run += 1) {
        for (const clients of [1, 64]) {
          const prefix = `m${run}-${clients}`;
          await load.ask('measure', {
            ...writes,
            clients,
            duration_ms: duration_ms / 4,
            prefix: `${prefix}-warm`,
          });
          const { timing } = await load.ask('measure', { ...writes, clients, duration_ms, prefix });
          if (clients === 1) {
            times.note(size, 'one client', timing.p50_ms);
          } else {
            rates.note(size, '64 clients', timing.perSecond);
          }
        }
      }
    } finally {
      await load.stop();
      await stop();
    }
  }
  return {
    title: 'As managers grow in number',
    findings: found([
      times.finding(MANAGER_SUBJECTS.times, ['one client']),
      rates.finding(MANAGER_SUBJECTS.rates, ['64 clients']),
    ]),
    leftOut: [],
  };
}

const MANAGER_SUBJECTS: Readonly<Record<'times' | 'rates', Subject>> = {
  times: {
    id: 'managers-time',
    title: 'A write, as managers grow in number',
    about: `Milliseconds that half of the writes of ${VALUE_BYTES} bytes take at most, one at a time. All managers share one machine.`,
    rowTitle: 'managers',
    unit: 'milliseconds',
    shortUnit: 'ms',
    better: 'less',
    each: 'manager',
    scales: { x: 'linear', y: 'linear' },
  },
  rates: {
    id: 'managers-rate',
    title: 'Writes per second, as managers grow in number',
    about: `Writes of ${VALUE_BYTES} bytes by 64 clients, which spread over the managers.`,
    rowTitle: 'managers',
    unit: 'writes per second',
    better: 'more',
    each: 'manager',
    scales: { x: 'linear', y: 'linear' },
  },
};
