// SPDX-License-Identifier: Apache-2.0
// Which services of the swarm have which secrets of coffer's, and where.
import { CofferError } from '../common/index.ts';
import type { SecretUse } from '../control/index.ts';
import { parseVolume } from '../distribution/index.ts';
import {
  type EngineClient,
  type EngineMount,
  type EngineNode,
  type EngineService,
  type EngineTask,
  isSameDriver,
  type TaskState,
} from '../engine/index.ts';
import { nameKey, storeNameOf } from '../secrets/index.ts';

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
  const names = new Map(
    secrets
      .filter(({ driver }) => driver !== undefined && isOwn(driver))
      .map((secret) => [secret.id, storeNameOf(secret)] as const),
  );
  return services.flatMap((service) => {
    const mounted = service.secrets.map(({ id }) => names.get(id)).filter((name) => name !== undefined);
    const inVolumes = service.mounts.filter(({ driver }) => isOwn(driver)).flatMap(secretsIn);
    const where = nodesOf(service, tasks, nodes);
    return distinct([...mounted, ...inVolumes]).map((secret) => ({
      service,
      image: service.image,
      secret,
      nodes: where,
    }));
  });
}

/** None of a volume that says nothing clear: its tasks are refused whatever the policy is. */
function secretsIn({ options, source }: EngineMount): readonly string[] {
  try {
    return parseVolume(source, options).files.map(({ secret }) => secret);
  } catch {
    return [];
  }
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
