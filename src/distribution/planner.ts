// SPDX-License-Identifier: Apache-2.0
// Who is entitled to what (docs/distribution.md): pure, from the leader's own facts and what nodes report.
import { CofferError } from '../common/index.ts';
import type { EngineMount } from '../engine/index.ts';
import type { GrantObject, SwarmNode } from '../membership/index.ts';
import { nameKey } from '../secrets/index.ts';
import { type DueTask, dueTasks, listOf } from './due-tasks.ts';
import { grantMatches } from './grant-match.ts';
import { HolderDraft } from './holder-draft.ts';
import type { NodePlan, Plan, PlanInput, PlanNode, PlannedSecret } from './plan-model.ts';
import { type NodePolicy, nodePolicyOf } from './plan-policy.ts';
import type { ContainerFact, Holder } from './protocol.ts';
import { parseVolume } from './volume-spec.ts';

/** What concerns which node, found once for all of them. */
export interface PlanIndex {
  /** By the id of the engine's node. */
  readonly tasks: ReadonlyMap<string, readonly DueTask[]>;
  /** Facts from before then are answered: a task that the swarm has not shown by now is none of that node's. */
  readonly knownUpTo_ms: number;
  /** What the swarm says of a node, by its id there; undefined for one that it does not know. Where there is no swarm, none has labels. */
  readonly swarmNode: (engineNodeId: string) => SwarmNode | undefined;
  /** False: the swarm is not known. */
  readonly isWhole: boolean;
}

/** What can be planned from before the swarm was read: grants alone, for containers that are no task's. */
export const WITHOUT_SWARM: PlanIndex = {
  tasks: new Map(),
  knownUpTo_ms: Number.NEGATIVE_INFINITY,
  swarmNode: () => undefined,
  isWhole: false,
};

const NODE_WITHOUT_SWARM: SwarmNode = { hostname: '', labels: {} };

/** What each node is due. */
export function plan({ grants, isDriver, nodes, policy, secret, swarm }: PlanInput): Plan {
  const index = indexSwarm(swarm, isDriver);
  const granted = new Map<string, GrantObject[]>();
  for (const grant of grants) {
    listOf(granted, grant.nodeId).push(grant);
  }
  return new Map(
    nodes.map((node) => {
      const refusing = nodePolicyOf(policy, node, index.swarmNode(node.engineNodeId));
      return [node.id, planNode(node, index, granted.get(node.id) ?? [], secret, refusing)] as const;
    }),
  );
}

/** The part of a plan that depends on the swarm alone. Takes time for each of its tasks. */
export function indexSwarm(swarm: PlanInput['swarm'], isDriver: PlanInput['isDriver']): PlanIndex {
  if (swarm === undefined) {
    return {
      tasks: new Map(),
      // No task is ever going to be shown.
      knownUpTo_ms: Number.POSITIVE_INFINITY,
      swarmNode: () => NODE_WITHOUT_SWARM,
      isWhole: true,
    };
  }
  const nodes = new Map(swarm.nodes.map((node) => [node.id, node] as const));
  return {
    tasks: dueTasks(swarm, isDriver),
    knownUpTo_ms: swarm.begunAt_ms,
    swarmNode: (engineNodeId) => nodes.get(engineNodeId),
    isWhole: true,
  };
}

/** What one node is due, with the grants that name it, and what the policy refuses on it. Takes time for what concerns that node alone. */
export function planNode(
  { engineNodeId, facts, reportedAt_ms }: Pick<PlanNode, 'engineNodeId' | 'facts' | 'reportedAt_ms'>,
  index: PlanIndex,
  grants: readonly GrantObject[],
  secret: PlanInput['secret'],
  policy: NodePolicy | undefined,
): NodePlan {
  const draft = new PlanDraft(secret, policy);
  for (const task of index.tasks.get(engineNodeId) ?? []) {
    draft.addTask(task);
  }
  for (const container of facts.containers) {
    if (container.taskId === '') {
      draft.addContainer(container, grants);
    } else if (index.knownUpTo_ms > reportedAt_ms) {
      draft.addStrange(container.taskId);
    }
  }
  return draft.finish(index.isWhole);
}

/** A plan of one node that is being put together. Of two holders with one key the first one counts. */
class PlanDraft {
  readonly #find: PlanInput['secret'];
  readonly #policy: NodePolicy | undefined;
  readonly #secrets = new Map<string, PlannedSecret>();
  readonly #holders = new Map<string, Holder>();

  constructor(find: PlanInput['secret'], policy: NodePolicy | undefined) {
    this.#find = find;
    this.#policy = policy;
  }

  addTask(task: DueTask): void {
    this.#addOnce(`task/${task.id}`, (holder) => {
      for (const mount of task.mounts) {
        for (const name of secretsOf(mount, holder)) {
          this.#give(holder, name, this.#policy?.refusalOfTask(task, name));
        }
      }
    });
  }

  addContainer(container: ContainerFact, grants: readonly GrantObject[]): void {
    this.#addOnce(`container/${container.id}`, (holder) => {
      const given = new Set<string>();
      for (const grant of grants) {
        const name = nameKey(grant.secret);
        if (!given.has(name) && grantMatches(grant, container)) {
          given.add(name);
          this.#give(holder, grant.secret, this.#policy?.refusalOfContainer(container, grant.secret));
        }
      }
    });
  }

  /** An answer to a node that waits to hear what a task may have, which is none of its own: nothing. */
  addStrange(taskId: string): void {
    this.#addOnce(`task/${taskId}`, () => undefined);
  }

  finish(isWhole: boolean): NodePlan {
    return { isWhole, secrets: this.#secrets, holders: this.#holders };
  }

  #addOnce(key: string, fill: (holder: HolderDraft) => void): void {
    if (!this.#holders.has(key)) {
      const holder = new HolderDraft(key);
      fill(holder);
      this.#holders.set(key, holder.finish());
    }
  }

  #give(holder: HolderDraft, name: string, refusal: CofferError | undefined): void {
    if (refusal !== undefined) {
      holder.refuse(name, refusal);
      return;
    }
    const secret = this.#find(name);
    if (holder.add(name, secret)) {
      this.#secrets.set(secret.id, secret);
    }
  }
}

/** The secrets that a task mounts, by name; none if nobody can tell which they are, which the holder is told. */
function secretsOf({ options, source }: EngineMount, holder: HolderDraft): readonly string[] {
  try {
    return parseVolume(source, options).files.map(({ secret }) => secret);
  } catch (thrown) {
    holder.refuse(source, CofferError.from(thrown));
    return [];
  }
}
