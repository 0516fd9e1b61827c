// SPDX-License-Identifier: Apache-2.0
// What hostile agents say about containers, and what they are to get for it.
import assert from 'node:assert/strict';
import type { ContainerFact } from '../../src/distribution/protocol.ts';
import type { TestAgent } from '../support/test-agent.ts';

/** The end of a connection over which something came that is no message of the protocol, or not in its place. */
export const REFUSED_MESSAGE = /^(request\.invalid|transport\.frame-invalid): /;

export const A_CONTAINER: ContainerFact = {
  id: 'c0'.repeat(32),
  name: 'web',
  image: 'busybox',
  imageId: '',
  labels: {},
  taskId: '',
};

export function container(over: Partial<ContainerFact>): ContainerFact {
  return { ...A_CONTAINER, ...over };
}

/** Resolves when the agent has an answer on its containers: a holder for each. */
export async function answered(agent: TestAgent, containers: readonly ContainerFact[]): Promise<void> {
  const keys = containers.map(({ id, taskId }) => (taskId === '' ? `container/${id}` : `task/${taskId}`));
  await agent.until(() => keys.every((key) => agent.holders.has(key)), 'an answer on all containers');
}

/** It has no secret, and was told of none. */
export function assertNothingHeld(agent: TestAgent): void {
  assert.deepEqual([...agent.secrets.keys()], []);
  for (const { key, refused, secrets } of agent.holders.values()) {
    assert.deepEqual({ key, refused, secrets }, { key, refused: [], secrets: [] });
  }
}
