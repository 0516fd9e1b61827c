// SPDX-License-Identifier: Apache-2.0
// The benchmark of sessions: a thousand agents on one manager, or as many as are wished, that all get a secret, and a new version
// of it again and again.
//
//   node test/bench/run.mjs agents [COUNT] [--quick]
import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { newSecretId } from '../../src/secrets/index.ts';
import { authorityAt, joinTokenFrom } from '../support/cluster-calls.ts';
import { PlayedSwarm } from '../support/played-swarm.ts';
import { ManagerProcess } from '../support/manager-process.ts';
import { processor_ms, residentMemory } from '../support/process-status.ts';
import { agentsRole } from './agents-load.ts';
import { machine_ms } from './cluster-load.ts';
import { inPhase } from './phases.ts';
import { answerQuestions, Child } from './raft-child.ts';
import { printTable } from './table.ts';

const AGENTS = 1_000;
const AGENTS_QUICK = 100;
/** Each has an address of its own, and two connections while it joins. */
const AGENTS_MAX = 9_000;
/** A token lets in no more; and fewer come with it, since a node that is cut off while it joins tries again. */
const TOKEN_USES_MAX = 1_000;
const NODES_OF_A_TOKEN = 800;
const PUSHES = 20;
const PUSHES_QUICK = 5;
const WARM_PUSHES = 3;
/** Between two pushes. */
const PAUSE_MS = 250;
const REST_MS = 10_000;
const REST_QUICK_MS = 2_000;
/** After the sessions are open, until what was needed for opening them is given back. */
const SETTLE_MS = 3_000;
const SETTLE_QUICK_MS = 1_000;
const VALUE_BYTES = 64;
const KIB = 1024;
const TARGET_P99_MS = 500;

type AgentsChild = Child<ReturnType<typeof agentsRole>>;

function quantile(times_ms: readonly number[], share: number): number {
  const sorted = times_ms.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** A value that no other push has. */
function valueOf(push: number): string {
  return `value ${push} `.padEnd(VALUE_BYTES, 'x');
}

interface Pushed {
  /** From the answer to the `put` to the receipt at each agent. */
  readonly fromAnswer_ms: number[];
  /** From the beginning of the `put`. */
  readonly fromBegin_ms: number[];
}

async function push(
  manager: ManagerProcess,
  load: AgentsChild,
  count: number,
  first: number,
): Promise<Pushed> {
  const pushed: Pushed = { fromAnswer_ms: [], fromBegin_ms: [] };
  for (let number = first; number < first + count; number += 1) {
    const began_ms = machine_ms();
    await manager.put('shared', valueOf(number));
    const answered_ms = machine_ms();
    const receipts = await load.ask('received', valueOf(number));
    pushed.fromAnswer_ms.push(...receipts.map((at_ms) => Math.max(0, at_ms - answered_ms)));
    pushed.fromBegin_ms.push(...receipts.map((at_ms) => at_ms - began_ms));
    await delay(PAUSE_MS);
    process.stderr.write('.');
  }
  return pushed;
}

interface Load {
  readonly agents: number;
  /** How many versions go out. */
  readonly pushes: number;
  /** How long the manager is watched at rest. */
  readonly resting_ms: number;
  /** How long memory is given to come to rest before it is read. */
  readonly settle_ms: number;
}

async function measure(
  manager: ManagerProcess,
  load: AgentsChild,
  swarm: PlayedSwarm,
  { agents, pushes, resting_ms, settle_ms }: Load,
): Promise<void> {
  const service = swarm.service('everywhere', { source: 'shared' });
  const engines = Array.from({ length: agents }, () => newSecretId());
  engines.forEach((nodeId) => swarm.assign(service, { nodeId }));
  await manager.put('shared', valueOf(0));
  process.stderr.write('nodes join, ');
  const { address } = manager;
  const roots = await authorityAt(manager);
  for (let first = 0; first < agents; first += NODES_OF_A_TOKEN) {
    const joining = engines.slice(first, first + NODES_OF_A_TOKEN);
    const token = await joinTokenFrom(manager, { role: 'worker', uses: TOKEN_USES_MAX });
    await load.ask('join', { address, token, roots, engines: joining });
  }
  await delay(settle_ms);
  const before_bytes = residentMemory(manager.pid);
  process.stderr.write('agents register, versions go out ');
  const registered_ms = await inPhase('register', () => load.ask('registerAll', undefined));
  await delay(settle_ms);
  const session_bytes = (residentMemory(manager.pid) - before_bytes) / agents;
  await push(manager, load, WARM_PUSHES, 1);
  const busy_ms = processor_ms(manager.pid);
  const began_ms = machine_ms();
  const pushed = await inPhase('push', () => push(manager, load, pushes, 1 + WARM_PUSHES));
  const gross_ms = (processor_ms(manager.pid) - busy_ms) / pushes;
  const round_ms = (machine_ms() - began_ms) / pushes;
  const rest_ms = processor_ms(manager.pid);
  await inPhase('rest', () => delay(resting_ms));
  const rest_percent = ((processor_ms(manager.pid) - rest_ms) / resting_ms) * 100;
  // The longer a round lasts, since the other processes are slow, the more pings are answered in it.
  const push_ms = gross_ms - (round_ms * rest_percent) / 100;
  process.stderr.write(' done\n\n');
  const open = await load.ask('open', undefined);
  print({ agents: open, registered_ms, session_bytes, push_ms, gross_ms, rest_percent, pushed });
}

interface Measured {
  readonly agents: number;
  readonly registered_ms: number;
  readonly session_bytes: number;
  readonly push_ms: number;
  /** With what the sessions take at rest, for as long as it lasts. */
  readonly gross_ms: number;
  readonly rest_percent: number;
  readonly pushed: Pushed;
}

function print(measured: Measured): void {
  const { agents, gross_ms, push_ms, pushed, registered_ms, rest_percent, session_bytes } = measured;
  const ms = (times_ms: readonly number[], share: number): string => quantile(times_ms, share).toFixed(0);
  printTable([
    ['a new version at all agents', 'p50 ms', 'p99 ms', 'max ms'],
    ...(
      [
        ['from the answer to the put', pushed.fromAnswer_ms],
        ['from the beginning of the put', pushed.fromBegin_ms],
      ] as const
    ).map(([what, times_ms]) => [what, ms(times_ms, 0.5), ms(times_ms, 0.99), ms(times_ms, 1)]),
  ]);
  const isMet = quantile(pushed.fromAnswer_ms, 0.99) < TARGET_P99_MS;
  process.stdout.write('\n');
  printTable([
    ['the manager', ''],
    ['sessions open at the end', String(agents)],
    ['all registered, and given what they are due', `${(registered_ms / 1_000).toFixed(1)} s`],
    ['memory of a session', `${(session_bytes / KIB).toFixed(1)} KiB`],
    ['processor for one version to all', `${push_ms.toFixed(0)} ms`],
    ['with what the sessions take meanwhile', `${gross_ms.toFixed(0)} ms`],
    ['for each agent', `${((push_ms / agents) * 1_000).toFixed(0)} us`],
    ['processor at rest', `${rest_percent.toFixed(1)} %`],
    [`p99 under ${TARGET_P99_MS} ms`, isMet ? 'yes' : 'no'],
  ]);
}

/** How many agents are wished, if that is said. */
function agentsIn(words: readonly string[]): number | undefined {
  const word = words.find((one, at) => !one.startsWith('-') && one !== '' && words[at - 1] !== '--json');
  if (word === undefined) {
    return undefined;
  }
  const agents = Number(word);
  if (!Number.isInteger(agents) || agents < 1 || agents > AGENTS_MAX) {
    throw new RangeError(`${word} is no number of agents from 1 to ${AGENTS_MAX}`);
  }
  return agents;
}

async function main(words: readonly string[]): Promise<void> {
  const [cpu] = cpus();
  process.stdout.write(
    `agents on one manager, all on one machine; ${cpus().length} x ${cpu?.model ?? 'unknown'}, Node ${process.version}\n`,
  );
  const swarm = new PlayedSwarm();
  const load = Child.start<ReturnType<typeof agentsRole>>('agents');
  let manager: ManagerProcess | undefined;
  try {
    const { engine } = await swarm.host('manager', true);
    const env = {
      COFFER_ENGINE_SOCKET: engine.socketPath,
      COFFER_DRIVER: 'coffer',
      COFFER_LOG_LEVEL: 'warn',
    };
    manager = await ManagerProcess.start({ env });
    await manager.serving();
    const quick = words.includes('--quick');
    const agents = agentsIn(words) ?? (quick ? AGENTS_QUICK : AGENTS);
    await measure(manager, load, swarm, {
      agents,
      pushes: quick ? PUSHES_QUICK : PUSHES,
      resting_ms: quick ? REST_QUICK_MS : REST_MS,
      settle_ms: quick ? SETTLE_QUICK_MS : SETTLE_MS,
    });
    await manager.stop();
  } finally {
    await load.stop();
    await manager?.destroy();
    await swarm.remove();
  }
}

const [, , role = '', ...rest] = process.argv;
if (role === 'agents') {
  answerQuestions(agentsRole());
} else {
  main([role, ...rest]).catch((thrown: unknown) => {
    process.stderr.write(
      `\nThe benchmark failed: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`,
    );
    process.exitCode = 1;
  });
}
