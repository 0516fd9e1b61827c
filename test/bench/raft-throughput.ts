// SPDX-License-Identifier: Apache-2.0
// How many new secrets a second, at how many proposers, beside what a user would have instead.
import path from 'node:path';
import { interleaved, timeFor, type Timing } from './measure.ts';
import { Child } from './raft-child.ts';
import { type Etcd, etcdPut, startEtcd } from './raft-etcd.ts';
import { type HttpConnection, withConnections } from './raft-http.ts';
import type { levelRole } from './raft-level.ts';
import type { LoadRequest, storeRole } from './raft-store.ts';
import { printTable } from './table.ts';

const WIDTHS = [1, 16, 64, 256] as const;
const VALUE_SIZES_BYTES = [64, 1_024] as const;
/** Compilers and caches get warm before the first row, for everyone alike. */
const WARM = { duration_ms: 2_000, width: 64, value_bytes: 256 } as const;

interface Contender {
  readonly name: string;
  /** The one that this one is compared with, by its place; undefined for one that others are compared with. */
  readonly against: number | undefined;
  readonly measure: (load: LoadRequest) => Promise<Timing>;
}

/** A contender at a number of proposers and a size of values. */
interface Cell {
  readonly contender: Contender;
  readonly width: number;
  readonly value_bytes: number;
  readonly other: Cell | undefined;
}

/** Measures all contenders, and prints a table. */
export async function measureThroughput(directory: string, quick: boolean): Promise<void> {
  const level = Child.start<ReturnType<typeof levelRole>>('level');
  await level.ask('open', { directory: path.join(directory, 'level') });
  const store = Child.start<ReturnType<typeof storeRole>>('store');
  await store.ask('open', { directory: path.join(directory, 'store') });
  const port = await store.ask('serve', undefined);
  const etcd = await startEtcd(path.join(directory, 'etcd'));
  process.stderr.write('throughput ');
  const contenders: readonly Contender[] = [
    {
      name: 'LevelDB alone, a synced batch for each group',
      against: undefined,
      measure: (load) => level.ask('measure', load),
    },
    { name: 'coffer', against: 0, measure: (load) => store.ask('measure', load) },
    ...(typeof etcd === 'string' ? [] : [etcdOverHttp(etcd)]),
    {
      name: 'coffer over HTTP',
      against: typeof etcd === 'string' ? undefined : 2,
      measure: (load) =>
        overHttp(port, load, (connection, name, value) => connection.post(`/${name}`, value)),
    },
  ];
  for (const [place, { measure }] of contenders.entries()) {
    await measure({ ...WARM, prefix: `warm-${place}` });
  }
  const cells = cellsOf(contenders);
  const duration_ms = quick ? 500 : 2_000;
  const timings = await interleaved(
    quick ? 1 : 3,
    cells.map(({ contender, width, value_bytes }, place) => (round) => {
      const prefix = `b${round}-${place}`;
      return contender.measure({ duration_ms, width, value_bytes, prefix });
    }),
  );
  process.stderr.write(' done\n');
  print(cells, timings, etcd);
  await store.ask('close', undefined);
  await Promise.all([store.stop(), level.stop(), typeof etcd === 'string' ? undefined : etcd.stop()]);
}

function etcdOverHttp(etcd: Etcd): Contender {
  return {
    name: `etcd ${etcd.version} over HTTP`,
    against: undefined,
    measure: (load) => overHttp(etcd.port, load, etcdPut),
  };
}

/** The same client for all that is measured over HTTP: a connection for each proposer. */
function overHttp(
  port: number,
  { duration_ms, width, value_bytes, prefix }: LoadRequest,
  put: (connection: HttpConnection, name: string, value: Buffer) => Promise<unknown>,
): Promise<Timing> {
  const value = Buffer.alloc(value_bytes, 'x');
  return withConnections(port, width, (connections) =>
    timeFor(duration_ms, width, async (index, worker) => {
      const connection = connections[worker];
      if (connection !== undefined) {
        await put(connection, `${prefix}-${index}`, value);
      }
    }),
  );
}

function cellsOf(contenders: readonly Contender[]): readonly Cell[] {
  return VALUE_SIZES_BYTES.flatMap((value_bytes) =>
    WIDTHS.flatMap((width) => {
      const group: Cell[] = [];
      for (const contender of contenders) {
        const other = contender.against === undefined ? undefined : group[contender.against];
        group.push({ contender, width, value_bytes, other });
      }
      return group;
    }),
  );
}

function print(cells: readonly Cell[], timings: readonly Timing[], etcd: Etcd | string): void {
  const rates = new Map(cells.map((cell, place) => [cell, timings[place]?.perSecond ?? 0]));
  const rows = cells.map((cell, place) => {
    const { contender, width, value_bytes, other } = cell;
    const { perSecond = 0, p50_ms = 0, p99_ms = 0, max_ms = 0 } = timings[place] ?? {};
    return [
      contender.name,
      String(value_bytes),
      String(width),
      perSecond.toFixed(0),
      p50_ms.toFixed(2),
      p99_ms.toFixed(2),
      max_ms.toFixed(1),
      other === undefined ? '1' : (perSecond / (rates.get(other) ?? 0)).toFixed(2),
    ];
  });
  process.stdout.write(
    '\nNew entries, each durable (and applied) when it is acknowledged. ratio: entries per second against the row ' +
      'with 1: coffer against LevelDB in the same process, coffer over HTTP against etcd\n\n',
  );
  printTable([['', 'bytes', 'at once', 'per s', 'p50 ms', 'p99 ms', 'max ms', 'ratio'], ...rows]);
  if (typeof etcd === 'string') {
    process.stdout.write(`\nNot compared with etcd: ${etcd}.\n`);
  }
}
