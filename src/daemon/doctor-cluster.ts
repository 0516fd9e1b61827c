// SPDX-License-Identifier: Apache-2.0
// What doctor finds right or wrong with the cluster, and with the swarm's managers beside it.
import type { ClusterAdmin, ClusterDescription, ClusterPlace, NodeDescription } from '../cluster/index.ts';
import { CofferError, withDeadline } from '../common/index.ts';
import type { Check } from '../control/index.ts';
import type { EngineClient, EngineNode } from '../engine/index.ts';
import { counted } from '../wording/index.ts';
import { authorityChecks } from './doctor-certificate.ts';
import { shortList } from './doctor-words.ts';

/** A manager without a leader waits five seconds for one before it says what it knows itself. */
const ANSWER_TIMEOUT_MS = 8_000;

export interface ClusterDoctorOptions {
  readonly place: () => ClusterPlace;
  /** Throws while this node is no manager that serves. */
  readonly admin: () => ClusterAdmin;
  readonly engine: EngineClient;
}

/** Never rejects. Nothing is said of what the node's place in its cluster does not let it know. */
export async function clusterChecks({
  admin,
  engine,
  place,
}: ClusterDoctorOptions): Promise<readonly Check[]> {
  const own = placeChecks(place());
  try {
    const cluster = admin();
    const [description, nodes, authority] = await withDeadline(
      Promise.all([cluster.describe(), cluster.nodes(), cluster.authority()]),
      ANSWER_TIMEOUT_MS,
      'store.timeout',
      'the leader of the cluster did not answer in time',
    );
    return [
      ...own,
      ...quorumChecks(description),
      ...nodeChecks(nodes),
      ...authorityChecks(authority, Date.now()),
      ...(await swarmChecks(engine, nodes)),
    ];
  } catch (thrown) {
    const { code, detail, hint } = CofferError.from(thrown);
    // The store's own check tells these, with the mend.
    return code === 'cluster.joining' || code === 'cluster.not-a-manager'
      ? own
      : [
          ...own,
          { name: 'quorum', level: 'failure', message: detail, mend: hint ?? 'docker coffer node ls' },
        ];
  }
}

/** Pure: where this node is. */
export function placeChecks({ address, nodeId, problem, role }: ClusterPlace): readonly Check[] {
  const name = 'cluster';
  if (problem !== undefined) {
    const { detail, hint } = problem;
    const mend =
      hint ?? 'See that the managers run, and that nothing between the nodes closes coffer’s port.';
    return [
      { name, level: problem.code.startsWith('cluster.') ? 'failure' : 'warning', message: detail, mend },
    ];
  }
  if (role === undefined || nodeId === undefined) {
    return [];
  }
  const where =
    address === undefined ? 'listens for no other node (COFFER_LISTEN=off)' : `is reached at ${address}`;
  return [{ name, level: 'ok', message: `this node is the ${role} ${nodeId} and ${where}` }];
}

/** Pure: whether the managers can change anything, and what they can lose. */
export function quorumChecks(description: ClusterDescription): readonly Check[] {
  const { leader, managers, voters, warnings, workers } = description;
  const name = 'quorum';
  if (leader === undefined) {
    return [
      {
        name,
        level: 'failure',
        message: `the ${counted(voters, 'manager')} of the cluster have no leader: nothing can be changed, and tasks get what is known here`,
        mend: 'See that most of the managers run and reach each other: docker coffer node ls. If most are lost for good: docker coffer force-new-cluster',
      },
    ];
  }
  if (warnings.length > 0) {
    const mend = 'docker coffer node ls shows the managers; docker coffer join-token manager adds one.';
    return warnings.map((message) => ({ name, level: 'warning', message: message.replace(/\.$/, ''), mend }));
  }
  const size = `${counted(managers, 'manager')} and ${counted(workers, 'worker')}`;
  return [{ name, level: 'ok', message: `${leader.hostname} leads a cluster of ${size}` }];
}

/** Pure: who was not heard from. */
export function nodeChecks(nodes: readonly NodeDescription[]): readonly Check[] {
  const name = 'nodes';
  const down = nodes.filter(({ status }) => status === 'down').map(({ hostname }) => hostname);
  if (down.length > 0) {
    return [
      {
        name,
        level: 'warning',
        message: `not heard from: ${shortList(down)}`,
        mend: 'Start coffer there, and see that its port can be reached; if it is gone for good: docker coffer node rm',
      },
    ];
  }
  const joining = nodes.filter(({ status }) => status === 'joining').map(({ hostname }) => hostname);
  return joining.length === 0
    ? []
    : [{ name, level: 'ok', message: `catching up, and voting soon: ${shortList(joining)}` }];
}

/**
 * Pure: any manager of the swarm can become its leader, whose own plugin is asked. `ownNodeId` is this engine's, which
 * coffer is beside whatever it has told the others yet.
 */
export function swarmManagerChecks(
  swarm: readonly EngineNode[],
  nodes: readonly NodeDescription[],
  ownNodeId: string | undefined,
): readonly Check[] {
  const name = 'swarm managers';
  const covered = new Set([
    ownNodeId,
    ...nodes.filter(({ role }) => role === 'manager').map(({ engineNodeId }) => engineNodeId),
  ]);
  const managers = swarm.filter(({ role }) => role === 'manager');
  const without = managers
    .filter(({ id }) => !covered.has(id))
    .map(({ hostname }) => hostname)
    .sort();
  if (without.length === 0) {
    return [
      {
        name,
        level: 'ok',
        message: `coffer is a manager beside ${counted(managers.length, 'manager')} of the swarm`,
      },
    ];
  }
  return [
    {
      name,
      level: 'warning',
      message:
        without.length === 1
          ? `swarm manager ${shortList(without)} has no coffer: if it came to lead the swarm, tasks would get no secrets`
          : `swarm managers ${shortList(without)} have no coffer: if one of them came to lead the swarm, tasks would get no secrets`,
      mend: 'Install coffer there, with a token from: docker coffer join-token manager',
    },
  ];
}

/** The engine's own check tells that it does not answer, or manages no swarm. */
async function swarmChecks(
  engine: EngineClient,
  nodes: readonly NodeDescription[],
): Promise<readonly Check[]> {
  try {
    const { controlAvailable, nodeId } = await engine.info();
    return controlAvailable ? swarmManagerChecks(await engine.listNodes(), nodes, nodeId) : [];
  } catch {
    return [];
  }
}
