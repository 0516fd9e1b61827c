// SPDX-License-Identifier: Apache-2.0
// The benchmark: what coffer costs, beside what a user would have instead, all in one run on one machine.
//
//   node test/bench/run.mjs daemon [--quick]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import path from 'node:path';
import { startCoffer } from '../support/coffer.ts';
import { startEngine } from '../support/engine.ts';
import { buildTestProgram } from '../support/program.ts';
import { getSecret, put, QUICK, SECRETS, VALUE } from './daemon-calls.ts';
import { type Call, interleaved, timeCalls, type Timing } from './measure.ts';
import { printTable } from './table.ts';
import { measureWatched } from './watched-deliveries.ts';

const REPLAY_CALLS = QUICK ? 1_000 : 10_000;
const CREATE_CALLS = QUICK ? 100 : 300;
const ROUNDS = QUICK ? 1 : 3;
const WIDTH = 64;
/** What is asked of coffer itself, on any machine that is at rest. */
const TARGET_REPLAYS_MS = 5_000;
const TARGET_PER_SECOND = 3_000;

const WATCHED = [
  'GetSecret without policy and audit, the ledger has the task',
  'GetSecret with 50 rules and audit, the ledger has the task',
  'GetSecret with 50 rules, audit and ledger, of new tasks',
] as const;

interface Row {
  readonly what: string;
  readonly width: number;
  readonly timing: Timing;
  /** The row that this one is measured against, by its place in the table. */
  readonly against: number | undefined;
}

function engineCreate(prefix: string, index: number): Call {
  const body = JSON.stringify({ Name: `${prefix}-${index}`, Labels: {}, Data: VALUE.toString('base64') });
  return {
    method: 'POST',
    path: '/v1.41/secrets/create',
    headers: { 'Content-Type': 'application/json' },
    body,
  };
}

async function startStaticDriver(directory: string): Promise<{ readonly socket: string; stop(): void }> {
  const socket = path.join(directory, 'static.sock');
  const bundle = await buildTestProgram('static-driver');
  const child = spawn(process.execPath, [bundle, socket], { stdio: ['pipe', 'pipe', 'inherit'] });
  // It ends with its standard input, and so with this process at the latest.
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error('the static driver did not start'))),
  ]);
  return { socket, stop: () => child.stdin.end() };
}

async function measureAll(): Promise<readonly Row[]> {
  const engine = await startEngine({ name: 'bench' });
  try {
    await engine.swarmInit();
    const { stdout } = await engine.docker(['info', '--format', '{{.Swarm.NodeID}}']);
    const nodeId = stdout.trim();
    const ask = (index: number): Call => getSecret({ number: index % SECRETS, nodeId });
    const coffer = await startCoffer({ engine, env: { COFFER_LOG_LEVEL: 'info' } });
    const bare = await startStaticDriver(engine.directory);
    try {
      process.stderr.write(`storing ${SECRETS} secrets ... `);
      await timeCalls(coffer.controlSocket, SECRETS, WIDTH, 201, (index) => put(`bench-${index}`));
      // The first answer for each task is written down; a replay is not.
      await timeCalls(coffer.pluginSocket, SECRETS, WIDTH, 200, ask);
      process.stderr.write('done\nmeasuring ');
      const replays = await interleaved(ROUNDS, [
        () => timeCalls(bare.socket, REPLAY_CALLS, 1, 200, ask),
        () => timeCalls(coffer.pluginSocket, REPLAY_CALLS, 1, 200, ask),
        () => timeCalls(bare.socket, REPLAY_CALLS, WIDTH, 200, ask),
        () => timeCalls(coffer.pluginSocket, REPLAY_CALLS, WIDTH, 200, ask),
      ]);
      const creates = await interleaved(
        ROUNDS,
        [1, 16].flatMap((width) => [
          (round: number) =>
            timeCalls(engine.socket, CREATE_CALLS, width, 201, (i) => engineCreate(`e${width}-${round}`, i)),
          (round: number) =>
            timeCalls(coffer.gatewaySocket, CREATE_CALLS, width, 201, (i) =>
              engineCreate(`g${width}-${round}`, i),
            ),
          (round: number) =>
            timeCalls(coffer.controlSocket, CREATE_CALLS, width, 201, (i) => put(`c${width}-${round}-${i}`)),
        ]),
      );
      await coffer.stop();
      const watched = await measureWatched(engine, nodeId, {
        calls: REPLAY_CALLS,
        rounds: ROUNDS,
        widths: [1, WIDTH],
      });
      process.stderr.write(' done\n\n');
      return rowsOf([...replays, ...creates, ...watched]);
    } finally {
      bare.stop();
    }
  } finally {
    await engine.stop();
  }
}

function rowsOf(timings: readonly Timing[]): readonly Row[] {
  const labels: readonly (readonly [string, number, number | undefined])[] = [
    ['GetSecret, a driver with one value in memory', 1, undefined],
    [`GetSecret, coffer with ${SECRETS} secrets`, 1, 0],
    ['GetSecret, a driver with one value in memory', WIDTH, undefined],
    [`GetSecret, coffer with ${SECRETS} secrets`, WIDTH, 2],
    ["create, the engine's own secrets", 1, undefined],
    ['create, through the gateway', 1, 4],
    ["put, coffer's own API", 1, 4],
    ["create, the engine's own secrets", 16, undefined],
    ['create, through the gateway', 16, 7],
    ["put, coffer's own API", 16, 7],
    [WATCHED[0], 1, undefined],
    [WATCHED[1], 1, 10],
    [WATCHED[2], 1, 10],
    [WATCHED[0], WIDTH, undefined],
    [WATCHED[1], WIDTH, 13],
    [WATCHED[2], WIDTH, 13],
  ];
  return labels.map(([what, width, against], place) => {
    const timing = timings[place];
    if (timing === undefined) {
      throw new RangeError('a measurement is missing');
    }
    return { what, width, timing, against };
  });
}

function print(rows: readonly Row[]): void {
  const cells = rows.map(({ what, width, timing, against }) => {
    const other = against === undefined ? undefined : rows[against]?.timing.perSecond;
    return [
      what,
      String(width),
      String(timing.calls),
      timing.perSecond.toFixed(0),
      timing.p50_ms.toFixed(2),
      timing.p99_ms.toFixed(2),
      timing.max_ms.toFixed(1),
      other === undefined ? '1' : (timing.perSecond / other).toFixed(2),
    ];
  });
  printTable([['call', 'at once', 'calls', 'per s', 'p50 ms', 'p99 ms', 'max ms', 'ratio'], ...cells]);
}

/** The two rows of coffer's replays, each against what it has to reach. */
function printTargets([, oneByOne, , atOnce]: readonly Row[]): void {
  if (oneByOne === undefined || atOnce === undefined) {
    throw new RangeError('a row is missing');
  }
  const replays_ms = (REPLAY_CALLS / oneByOne.timing.perSecond) * 1_000;
  const { perSecond } = atOnce.timing;
  process.stdout.write('\n');
  printTable([
    ['target', 'reached', 'met'],
    [
      `${REPLAY_CALLS} replays one after the other in under ${TARGET_REPLAYS_MS / 1_000} s`,
      `${(replays_ms / 1_000).toFixed(1)} s`,
      replays_ms < TARGET_REPLAYS_MS ? 'yes' : 'no',
    ],
    [
      `${WIDTH} at once, ${TARGET_PER_SECOND} a second`,
      perSecond.toFixed(0),
      perSecond >= TARGET_PER_SECOND ? 'yes' : 'no',
    ],
  ]);
}

async function main(): Promise<void> {
  const [cpu] = cpus();
  process.stdout.write(
    `coffer beside Docker's own secrets; ${cpus().length} x ${cpu?.model ?? 'unknown'}, Node ${process.version}; ` +
      `values of ${VALUE.length} bytes; median of ${ROUNDS} interleaved rounds; ratio = calls per second against the row without one\n\n`,
  );
  const rows = await measureAll();
  print(rows);
  printTargets(rows);
}

main().catch((thrown: unknown) => {
  process.stderr.write(
    `\nThe benchmark failed: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`,
  );
  process.exitCode = 1;
});
