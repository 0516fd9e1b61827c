// SPDX-License-Identifier: Apache-2.0
// Which services of the swarm have which secrets of coffer's, and where.
import { CofferError } from '../common/index.ts';
import type { SecretUse } from '../control/index.ts';
import { usesOfService } from '../diagnosis/index.ts';
import {
  type EngineClient,
  type EngineNode,
  type EngineService,
  type EngineTask,
  isSameDriver,
  type TaskState,
} from '../engine/index.ts';
import { nameKey } from '../secrets/index.ts';

const WANTED: readonly TaskState[] = ['running'];

/** None where there is no swarm. Throws `engine.refused` where the engine is a worker of one, which knows no services. */
export async function secretUses(engine: EngineClient, driverName: string): Promise<readonly SecretUse[]> {
  const { controlAvailable, swarmState } = await engine.info();
  if (swarmState === 'inactive') {
    return [];
  }
  if (!controlAvailable) {
    throw new CofferError('engine.refused', 'the engine of this node does not manage its swarm', {
      hint: 'Type the command where a manager of the swarm is: docker node ls.',
    });
  }
  const isOwn = (name: string): boolean => name !== '' && isSameDriver(name, driverName);
  const [secrets, services, tasks, nodes] = await Promise.all([
    engine.listSecrets(),
    engine.listServices(),
    engine.listTasks({ desiredStates: WANTED }),
    engine.listNodes(),
  ]);
  const registered = new Map(secrets.map((secret) => [secret.id, secret] as const));
  return services.flatMap((service) => {
    const used = usesOfService(service, registered, isOwn).map(({ secret }) => secret);
    const where = nodesOf(service, tasks, nodes);
    return distinct(used).map((secret) => ({
      service,
      image: service.image,
      secret,
      nodes: where,
    }));
  });
}

function nodesOf(
  { id }: EngineService,
  tasks: readonly EngineTask[],
  nodes: readonly EngineNode[],
): readonly EngineNode[] {
  const ids = new Set(tasks.filter(({ serviceId }) => serviceId === id).map(({ nodeId }) => nodeId));
  return nodes.filter((node) => ids.has(node.id));
}

/** Each name once, in the form that comes first. */
function distinct(names: readonly string[]): readonly string[] {
  const byKey = new Map<string, string>();
  names.forEach((name) => byKey.set(nameKey(name), byKey.get(nameKey(name)) ?? name));
  return [...byKey.values()];
}
