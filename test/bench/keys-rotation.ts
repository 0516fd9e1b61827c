// SPDX-License-Identifier: Apache-2.0
// GetSecret and writes beside a rotation of the data key, and without one, in turn.
import { Agent } from 'node:http';
import type { DataKeyDescription } from '../../src/control/index.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { acceptedBody } from '../support/manager-refusal.ts';
import { callControl } from '../support/secret-calls.ts';
import { waitFor } from '../support/wait-for.ts';
import { getSecret, managerWith, put } from './keys-calls.ts';
import { interleaved, send, timeCalls, timeFor, type Timing } from './measure.ts';
import { printTable } from './table.ts';

const VALUE = Buffer.alloc(64, 'x');
/** So many tasks ask again and again. */
const TASKS = 1_000;
const WRITE_WIDTH = 16;
const ROTATION_MS_MAX = 600_000;

const LOADS = [
  { what: 'GetSecret, one at a time', width: 1, writes: false },
  { what: `writes, ${WRITE_WIDTH} at once`, width: WRITE_WIDTH, writes: true },
] as const;

/** Measures both, and prints a table. */
export async function measureRotation(directory: string, quick: boolean): Promise<void> {
  const secrets = quick ? 10_000 : 100_000;
  const duration_ms = quick ? 1_000 : 4_000;
  const manager = await managerWith(directory, secrets, VALUE.length);
  try {
    await timeCalls(manager.pluginSocket, TASKS, WRITE_WIDTH, 200, getSecret);
    const alone_s = await timeRotation(manager);
    process.stderr.write('measuring ');
    const timings = await interleaved(quick ? 1 : 3, [
      ...LOADS.map(({ width, writes }) => async (round: number) => {
        await rotated(manager);
        return timeLoad(manager, duration_ms, width, writes, `a${round}`);
      }),
      ...LOADS.map(({ width, writes }) => async (round: number) => {
        await beginRotation(manager);
        return timeLoad(manager, duration_ms, width, writes, `b${round}`);
      }),
    ]);
    const ended_ms = performance.now();
    await rotated(manager);
    process.stderr.write(' done\n');
    process.stdout.write(
      `\n${secrets} secrets of ${VALUE.length} bytes; a rotation of the data key takes ${alone_s.toFixed(1)} s by itself, and ` +
        `${((performance.now() - ended_ms) / 1_000).toFixed(1)} s more after the last row\n\n`,
    );
    print(timings);
  } finally {
    await manager.destroy();
  }
}

async function timeLoad(
  manager: ManagerProcess,
  duration_ms: number,
  width: number,
  writes: boolean,
  prefix: string,
): Promise<Timing> {
  const agent = new Agent({ keepAlive: true, maxSockets: width });
  try {
    return await timeFor(duration_ms, width, (index) =>
      writes
        ? send(agent, manager.controlSocket, put(`${prefix}-${index}`, VALUE), 201)
        : send(agent, manager.pluginSocket, getSecret(index % TASKS), 200),
    );
  } finally {
    agent.destroy();
  }
}

/** One is under way when this resolves: that of before, or a new one. */
async function beginRotation(manager: ManagerProcess): Promise<void> {
  const { rotation } = await dataKeyOf(manager);
  if (rotation === undefined) {
    acceptedBody(await callControl(manager, 'POST', '/v1/data-key/rotate'));
  }
}

async function timeRotation(manager: ManagerProcess): Promise<number> {
  process.stderr.write('a rotation by itself ... ');
  const began_ms = performance.now();
  await beginRotation(manager);
  await rotated(manager);
  process.stderr.write('done\n');
  return (performance.now() - began_ms) / 1_000;
}

async function rotated(manager: ManagerProcess): Promise<void> {
  await waitFor(async () => (await dataKeyOf(manager)).rotation === undefined, {
    what: 'the rotation to end',
    interval_ms: 50,
    timeout_ms: ROTATION_MS_MAX,
  });
}

async function dataKeyOf(manager: ManagerProcess): Promise<DataKeyDescription> {
  return acceptedBody(await callControl(manager, 'GET', '/v1/data-key')) as DataKeyDescription;
}

function print(timings: readonly Timing[]): void {
  const rows = timings.map(({ p50_ms, p99_ms, max_ms, perSecond }, place) => {
    const without = timings[place - LOADS.length];
    const what = LOADS[place % LOADS.length]?.what ?? '';
    return [
      without === undefined ? what : `${what}, while the data key is rotated`,
      perSecond.toFixed(0),
      p50_ms.toFixed(2),
      p99_ms.toFixed(2),
      max_ms.toFixed(1),
      without === undefined ? '1' : (perSecond / without.perSecond).toFixed(2),
      without === undefined ? '1' : (p99_ms / without.p99_ms).toFixed(2),
    ];
  });
  printTable([['', 'per s', 'p50 ms', 'p99 ms', 'max ms', 'ratio', 'p99 ratio'], ...rows]);
}
