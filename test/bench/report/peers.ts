// SPDX-License-Identifier: Apache-2.0
// coffer beside what a user would have instead: the benchmarks of the clusters, of the log and of the daemon, several times in turn.
import type { NotedRow } from '../table.ts';
import { benchRows, numberIn } from './bench-process.ts';
import { found, type Ratio, Samples, type Subject } from './finding.ts';
import type { Section } from './markdown.ts';
import { type RunOptions, say } from './runner.ts';

const ROUNDS = 3;
const SECONDS = { better: 'less', scales: { x: 'linear', y: 'linear' } } as const;
const RATES = { rowTitle: 'calls at once', better: 'more', scales: { x: 'log', y: 'linear' } } as const;
const PEERS = ['coffer', 'etcd', 'Swarm'] as const;

/** Measures three members of each, on one machine. */
export async function clusterSection({ directory, quick }: RunOptions): Promise<Section> {
  const samples = {
    puts256: new Samples(),
    puts1024: new Samples(),
    p99: new Samples(),
    reads: new Samples(),
  };
  const failover = new Samples();
  const names = new Map<string, string>();
  const note = (row: NotedRow): void => {
    const isFailover = row.head[0] === 'killed';
    const name = (isFailover ? String(row.cells[0]) : row.head[0]) ?? '';
    const kind = PEERS.find((peer) => name.startsWith(peer)) ?? name;
    names.set(kind, name);
    if (isFailover) {
      failover.note('the leader is killed', name, numberIn(row, 'failover s'));
      return;
    }
    const [what, bytes, clients] = [String(row.cells[0]), numberIn(row, 'bytes'), numberIn(row, 'clients')];
    const isRead = what.startsWith('get') || what.startsWith('GetSecret');
    const rates = isRead ? samples.reads : bytes === 256 ? samples.puts256 : samples.puts1024;
    rates.note(clients, name, numberIn(row, 'per s'));
    if (!isRead && bytes === 256) {
      samples.p99.note(clients, name, numberIn(row, 'p99 ms'));
    }
  };
  const case_s = quick ? 0.5 : 2;
  for (const round of rounds(quick)) {
    // Nobody is always the one who comes after another.
    for (const system of round % 2 === 0 ? ['coffer', 'etcd', 'swarm'] : ['swarm', 'etcd', 'coffer']) {
      say(`a cluster of three: ${system}, run ${round + 1}`);
      (await benchRows(directory, ['cluster', '--quick', `--case-seconds=${case_s}`, system])).forEach(note);
    }
  }
  const columns = PEERS.flatMap((peer) => names.get(peer) ?? []);
  const ratios = columns.slice(1).map((name): Ratio => [columns[0] ?? '', name]);
  const findings = [
    samples.puts256.finding(CLUSTER.puts256, columns, ratios),
    samples.puts1024.finding(CLUSTER.puts1024, columns, ratios),
    samples.p99.finding(CLUSTER.p99, columns, ratios),
    samples.reads.finding(CLUSTER.reads, columns, ratios),
    failover.finding(CLUSTER.failover, columns, ratios),
  ];
  const leftOut = PEERS.filter((peer) => !names.has(peer)).map(
    (peer) => `${peer}, which cannot be started here.`,
  );
  return { title: 'Clusters of three: coffer, etcd and Swarm', findings: found(findings), leftOut };
}

const CLUSTER: Readonly<Record<'puts256' | 'puts1024' | 'p99' | 'reads' | 'failover', Subject>> = {
  puts256: {
    ...RATES,
    id: 'cluster-puts-256',
    title: 'Writes of 256 bytes to a cluster of three',
    about:
      'Each write is on the disks of a majority before it is acknowledged, with TLS between the members, and to the clients of etcd. ' +
      'The clients spread over the members.',
    unit: 'writes per second',
  },
  puts1024: {
    ...RATES,
    id: 'cluster-puts-1024',
    title: 'Writes of 1,024 bytes to a cluster of three',
    about: 'As above.',
    unit: 'writes per second',
  },
  p99: {
    ...RATES,
    id: 'cluster-puts-p99',
    title: 'What the slowest hundredth of those writes takes',
    about: 'The 99th percentile of writes of 256 bytes, in milliseconds.',
    unit: 'milliseconds',
    better: 'less',
    scales: { x: 'log', y: 'log' },
  },
  reads: {
    ...RATES,
    id: 'cluster-reads-256',
    title: 'Reads of 256 bytes from a cluster of three',
    about:
      'Each sees all that was acknowledged before. At coffer it is a `GetSecret` for a task that asks for the first time, which is ' +
      'written down as well. Swarm gives nobody the value of a secret.',
    unit: 'reads per second',
  },
  failover: {
    ...SECONDS,
    id: 'cluster-failover',
    title: 'The leader is killed',
    about: 'Seconds from the SIGKILL to the end of the first write that began afterwards and is accepted.',
    rowTitle: '',
    unit: 'seconds',
  },
};

/** One node: the log beside LevelDB, which is below it, and beside etcd. */
export async function logSection({ directory, quick }: RunOptions): Promise<Section> {
  const [small, large] = [new Samples(), new Samples()];
  const names = new Set<string>();
  for (const round of rounds(quick)) {
    say(`the replicated log on one node, run ${round + 1}`);
    for (const row of await benchRows(directory, ['raft', '--quick', 'throughput'])) {
      const name = String(row.cells[0]).split(',')[0] ?? '';
      names.add(name);
      const samples = numberIn(row, 'bytes') === 64 ? small : large;
      samples.note(numberIn(row, 'at once'), name, numberIn(row, 'per s'));
    }
  }
  const etcd = [...names].find((name) => name.startsWith('etcd'));
  const ratios: readonly Ratio[] = [
    ['coffer', 'LevelDB alone'],
    ['coffer over HTTP', etcd ?? ''],
  ];
  const columns = ratios.flat();
  const subject = (id: string, size: string, about: string): Subject => ({
    ...RATES,
    id,
    title: `New entries of ${size} bytes on one node`,
    about,
    unit: 'entries per second',
  });
  const first =
    'Each is durable, and applied, when it is acknowledged. LevelDB alone has the same groups, and nothing sealed, chained or applied: the ceiling.';
  const findings = [
    small.finding(subject('log-64', '64', first), columns, ratios),
    large.finding(subject('log-1024', '1,024', 'As above.'), columns, ratios),
  ];
  const leftOut = etcd === undefined ? ['etcd, which cannot be started here.'] : [];
  return { title: 'The replicated log, on one node', findings: found(findings), leftOut };
}

const GATEWAY = 'create, through the gateway';
const PUT = "put, coffer's own API";
const ENGINE = "create, the engine's own secrets";
const DRIVER = 'a driver with one value in memory';

/** One daemon beside one engine. */
export async function engineSection({ directory, quick }: RunOptions): Promise<Section> {
  const [deliveries, creates, watched] = [new Samples(), new Samples(), new Samples()];
  const watchedColumns = new Set<string>();
  for (const round of rounds(quick)) {
    say(`a daemon beside the engine's own secrets, run ${round + 1}`);
    const rows = await benchRows(directory, ['daemon', '--quick']);
    // The other table tells which targets were met.
    for (const row of rows.filter(({ head }) => head.includes('at once'))) {
      const [what, width, rate] = [String(row.cells[0]), numberIn(row, 'at once'), numberIn(row, 'per s')];
      if ([GATEWAY, PUT, ENGINE].includes(what)) {
        creates.note(width, what, rate);
      } else if (what.endsWith(DRIVER)) {
        deliveries.note(width, DRIVER, rate);
      } else if (what.startsWith('GetSecret, coffer')) {
        deliveries.note(width, 'coffer', rate);
      } else if (what.startsWith('GetSecret with')) {
        const [name = ''] = what.slice('GetSecret '.length).split(', the ledger has');
        watchedColumns.add(name);
        watched.note(width, name, rate);
      }
    }
  }
  const [plain = '', ...others] = watchedColumns;
  const findings = [
    deliveries.finding(ENGINE_SUBJECTS.deliveries, ['coffer', DRIVER], [['coffer', DRIVER]]),
    watched.finding(
      ENGINE_SUBJECTS.watched,
      [...watchedColumns],
      others.map((name): Ratio => [name, plain]),
    ),
    creates.finding(
      ENGINE_SUBJECTS.creates,
      [PUT, GATEWAY, ENGINE],
      [
        [PUT, ENGINE],
        [GATEWAY, ENGINE],
      ],
    ),
  ];
  return { title: "One daemon beside the engine's own secrets", findings: found(findings), leftOut: [] };
}

const ENGINE_SUBJECTS: Readonly<Record<'deliveries' | 'watched' | 'creates', Subject>> = {
  deliveries: {
    ...RATES,
    id: 'engine-deliveries',
    title: 'What the engine asks for at the start of a task',
    about:
      '`GetSecret` for tasks that have asked before. The other driver does nothing but answer: the floor of what any driver takes.',
    unit: 'answers per second',
  },
  watched: {
    ...RATES,
    id: 'engine-watched',
    title: 'The same with policy, audit log and ledger',
    about: 'Fifty rules of policy; what is new goes into the ledger.',
    unit: 'answers per second',
  },
  creates: {
    ...RATES,
    id: 'engine-creates',
    title: 'Secrets that are created',
    about: 'Through the gateway a secret is made in both, coffer and the engine.',
    unit: 'secrets per second',
  },
};

function rounds(quick: boolean): readonly number[] {
  return Array.from({ length: quick ? 1 : ROUNDS }, (_, round) => round);
}
