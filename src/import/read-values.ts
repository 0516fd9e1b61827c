// SPDX-License-Identifier: Apache-2.0
// The values of secrets that a swarm has, which only a task can read: one on this node, that is given them by the swarm, says them
// over the engine's own socket to whoever runs a program in it, and is removed.
import { randomBytes } from 'node:crypto';
import { CofferError, SecretValue } from '../common/index.ts';
import type { EngineSecret, OneShotTasks } from '../engine/index.ts';
import { VALUE_BYTES_MAX } from '../secrets/index.ts';
import { readingCommand, WAITING } from './reader-image.ts';

/** Together they stay below what a manager sends to a node at once (4 MiB). */
export const READ_TOGETHER_MAX = 7;

const START_TIMEOUT_MS = 60_000;
const LOOK_MS = 100;
const LENGTH_BYTES = 4;
/** Frames are large, and there are few of them. */
const OVERHEAD_BYTES = 1024 * 1024;
const ENDED: readonly string[] = ['complete', 'shutdown', 'failed', 'rejected', 'remove', 'orphaned'];

export interface Reader {
  readonly tasks: Pick<OneShotTasks, 'removeTasks' | 'run' | 'start' | 'state'>;
  readonly imageId: string;
  /** This engine's node. */
  readonly nodeId: string;
  readonly monotonic_ms: () => number;
  readonly pause: (duration_ms: number) => Promise<void>;
}

/**
 * The values of at most `READ_TOGETHER_MAX` secrets, in their order; the caller wipes them. Rejects with `import.refused` where the
 * swarm does not give them to a task here. The task is gone in any case.
 */
export async function readValues(
  reader: Reader,
  secrets: readonly EngineSecret[],
): Promise<readonly SecretValue[]> {
  const { imageId, nodeId, tasks } = reader;
  try {
    const serviceId = await tasks.start(
      {
        name: `coffer-import-${randomBytes(6).toString('hex')}`,
        imageId,
        nodeId,
        command: WAITING,
        secrets: secrets.map(({ id, name }, place) => ({ id, name, file: String(place) })),
      },
      nodeId,
    );
    const containerId = await running(reader, serviceId);
    const size_bytes_max = secrets.length * VALUE_BYTES_MAX + OVERHEAD_BYTES;
    const output = await tasks.run(containerId, readingCommand(secrets.length), size_bytes_max);
    try {
      return valuesIn(output, secrets.length);
    } finally {
      output.fill(0);
    }
  } finally {
    await tasks.removeTasks(nodeId);
  }
}

async function running({ monotonic_ms, pause, tasks }: Reader, serviceId: string): Promise<string> {
  const deadline_ms = monotonic_ms() + START_TIMEOUT_MS;
  for (;;) {
    const found = await tasks.state(serviceId);
    if (found?.state === 'running' && found.containerId !== undefined) {
      return found.containerId;
    }
    const problem = found?.problem ?? '';
    if (problem.startsWith('no suitable node')) {
      throw new CofferError('import.refused', `the swarm gives no task to this node: ${problem}`, {
        hint: 'Type the command at a manager whose availability is active: docker node ls',
      });
    }
    const hasEnded = found !== undefined && ENDED.includes(found.state);
    if (hasEnded || monotonic_ms() > deadline_ms) {
      const state = found === undefined ? 'it has not begun' : `it is ${found.state}: ${problem}`;
      throw new CofferError('import.refused', `the task that is to read the secrets does not run: ${state}`);
    }
    await pause(LOOK_MS);
  }
}

/** Pure: what `readingCommand` has written. */
export function valuesIn(output: Buffer, count: number): readonly SecretValue[] {
  const spans: Buffer[] = [];
  let at = 0;
  while (at + LENGTH_BYTES <= output.length) {
    const begin = at + LENGTH_BYTES;
    at = begin + output.readUInt32BE(at);
    spans.push(output.subarray(begin, at));
  }
  if (spans.length !== count || at !== output.length) {
    throw new CofferError('import.refused', 'the task that reads the secrets has not said all of them');
  }
  return spans.map((span) => SecretValue.copyOf(span));
}
