// SPDX-License-Identifier: Apache-2.0
// What a node is known to have, in terms of who may read it there.
import type { NodePlan, PlannedSecret } from './plan-model.ts';
import type { ContainerFact, Holder } from './protocol.ts';

/** What a node has carried out, and acknowledged. */
export interface NodeHoldings {
  readonly nodeId: string;
  readonly hostname: string;
  readonly holders: readonly HolderHoldings[];
}

/** A task of the swarm, or else a container that belongs to none, and the secrets that it may read in its volumes. */
export interface HolderHoldings {
  readonly kind: 'task' | 'container';
  readonly id: string;
  /** Of a container, as its node tells it; empty for a task. */
  readonly name: string;
  readonly secrets: readonly PlannedSecret[];
}

/** Those of a plan that was carried out; `containers` are what the node has reported. */
export function holdersOf(plan: NodePlan, containers: readonly ContainerFact[]): readonly HolderHoldings[] {
  const names = new Map(containers.map(({ id, name }) => [id, name]));
  return [...plan.holders.values()].flatMap((holder) => {
    const [kind, id] = readKey(holder);
    const secrets = holder.secrets.flatMap(({ secretId }) => plan.secrets.get(secretId) ?? []);
    return secrets.length === 0 ? [] : [{ kind, id, name: names.get(id) ?? '', secrets }];
  });
}

function readKey({ key }: Holder): readonly [HolderHoldings['kind'], string] {
  const slash = key.indexOf('/');
  return [key.slice(0, slash) === 'task' ? 'task' : 'container', key.slice(slash + 1)];
}
