// SPDX-License-Identifier: Apache-2.0
// The plans of all nodes that have a session, and which of them a change concerns.
import { CofferError } from '../common/index.ts';
import type { GrantObject, NodeObject, Policy, SwarmNode } from '../membership/index.ts';
import { currentVersion, isReservedName, nameKey } from '../secrets/index.ts';
import type { SecretStore } from '../store/index.ts';
import { areSameTasks, isSameRecord } from './due-tasks.ts';
import type { NodePlan, PlannedSecret } from './plan-model.ts';
import { nodePolicyOf } from './plan-policy.ts';
import { type PlanIndex, planNode } from './planner.ts';
import type { ContainerFact, NodeFacts } from './protocol.ts';
import { areSame } from './same-list.ts';

/** What of a store a plan is made from. */
export type PlanStore = Pick<SecretStore, 'byId' | 'byName' | 'cluster'>;

/** A node that has a session. */
interface Known {
  readonly facts: NodeFacts;
  readonly reportedAt_ms: number;
  /** What it was planned from last, and what came out; undefined until then. */
  planned: Planned | undefined;
}

interface Planned {
  readonly engineNodeId: string;
  readonly grants: readonly GrantObject[];
  readonly policy: Policy;
  /** What the swarm said of it. */
  readonly swarmNode: SwarmNode | undefined;
  readonly plan: NodePlan;
  /** All that holders are to have, in the form that is compared: what there is of it, and what there is not. */
  readonly names: ReadonlySet<string>;
}

export class NodePlans {
  readonly #store: PlanStore;
  readonly #nodes = new Map<string, Known>();

  constructor(store: PlanStore) {
    this.#store = store;
  }

  /** What a node tells from now on, and when it did. Throws `cluster.node-unknown` for one that the cluster does not have. */
  tell(nodeId: string, facts: NodeFacts, reportedAt_ms: number): void {
    if (this.#store.cluster.node(nodeId) === undefined) {
      throw new CofferError('cluster.node-unknown', 'the node is not one of the cluster');
    }
    const planned = this.#nodes.get(nodeId)?.planned;
    this.#nodes.set(nodeId, { facts, reportedAt_ms, planned });
  }

  forget(nodeId: string): void {
    this.#nodes.delete(nodeId);
  }

  /** What a node has reported last. */
  containersOf(nodeId: string): readonly ContainerFact[] {
    return this.#nodes.get(nodeId)?.facts.containers ?? [];
  }

  /** What a node is due now; undefined for one that is gone. Throws as the store does. */
  plan(nodeId: string, index: PlanIndex): NodePlan | undefined {
    const known = this.#nodes.get(nodeId);
    const node = this.#store.cluster.node(nodeId);
    if (known === undefined || node === undefined) {
      return undefined;
    }
    const engineNodeId = this.#engineOf(node);
    const { policy } = this.#store.cluster;
    const grants = this.#store.cluster.grantsOf(nodeId);
    const swarmNode = index.swarmNode(engineNodeId);
    const refusing = nodePolicyOf(policy, { ...node, engineNodeId }, swarmNode);
    const find = (name: string): PlannedSecret | undefined => this.#secret(name);
    const plan = planNode({ ...known, engineNodeId }, index, grants, find, refusing);
    known.planned = { engineNodeId, grants, policy, swarmNode, plan, names: namesOf(plan) };
    return plan;
  }

  /** Whether a node has told of a task that its plan does not answer yet: the swarm must be read again. */
  awaitsSwarm(nodeId: string): boolean {
    const known = this.#nodes.get(nodeId);
    const holders = known?.planned?.plan.holders;
    return (
      known?.facts.containers.some(
        ({ taskId }) => taskId !== '' && holders?.has(`task/${taskId}`) !== true,
      ) ?? false
    );
  }

  /** The nodes whose plans may be others since these secrets have changed. */
  withSecrets(secretIds: Iterable<string>): readonly string[] {
    const changed = [...secretIds].map((id) => ({ id, name: this.#store.byId(id)?.name }));
    const found = [...this.#nodes].filter(([, { planned }]) =>
      changed.some(
        ({ id, name }) =>
          planned?.plan.secrets.has(id) === true ||
          (name !== undefined && planned?.names.has(nameKey(name)) === true),
      ),
    );
    return found.map(([nodeId]) => nodeId);
  }

  /** Likewise since the swarm was read again. */
  withSwarm(before: PlanIndex | undefined, now: PlanIndex): readonly string[] {
    const found = [...this.#nodes].filter(([nodeId, { planned }]) => {
      const tasks = planned === undefined ? undefined : before?.tasks.get(planned.engineNodeId);
      return (
        planned?.plan.isWhole !== true ||
        this.awaitsSwarm(nodeId) ||
        !isSameNode(planned.swarmNode, now.swarmNode(planned.engineNodeId)) ||
        !areSameTasks(tasks ?? [], now.tasks.get(planned.engineNodeId) ?? [])
      );
    });
    return found.map(([nodeId]) => nodeId);
  }

  /** Likewise since the cluster's objects have. Nodes that are in it no more are `gone`. */
  withCluster(): { readonly changed: readonly string[]; readonly gone: readonly string[] } {
    const { cluster } = this.#store;
    const changed: string[] = [];
    const gone: string[] = [];
    for (const [nodeId, { planned }] of this.#nodes) {
      const node = cluster.node(nodeId);
      if (node === undefined) {
        gone.push(nodeId);
      } else if (
        planned?.engineNodeId !== this.#engineOf(node) ||
        planned.policy !== cluster.policy ||
        !areSame(planned.grants, cluster.grantsOf(nodeId), Object.is)
      ) {
        changed.push(nodeId);
      }
    }
    return { changed, gone };
  }

  /** A table of before that was made sure of may have two nodes beside one engine: the first one counts. */
  #engineOf({ engineNodeId, id }: NodeObject): string {
    return this.#store.cluster.nodeByEngine(engineNodeId)?.id === id ? engineNodeId : '';
  }

  #secret(name: string): PlannedSecret | undefined {
    const secret = this.#store.byName(name);
    // One that is pending may come to nothing.
    return secret === undefined || secret.pending || isReservedName(secret.name)
      ? undefined
      : { id: secret.id, name: secret.name, version: currentVersion(secret).number };
  }
}

function namesOf({ holders }: NodePlan): ReadonlySet<string> {
  const names = [...holders.values()].flatMap(({ refused, secrets }) => [...secrets, ...refused]);
  return new Set(names.map(({ name }) => nameKey(name)));
}

function isSameNode(one: SwarmNode | undefined, other: SwarmNode | undefined): boolean {
  return one === undefined || other === undefined
    ? one === other
    : one.hostname === other.hostname && isSameRecord(one.labels, other.labels);
}
