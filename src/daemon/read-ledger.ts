// SPDX-License-Identifier: Apache-2.0
// Asks everybody who knows something of who holds which secret.
import type { ErrorReply, Ledger } from '../control/index.ts';
import type { NodeHoldings } from '../distribution/index.ts';
import {
  type EngineClient,
  type EngineNode,
  type EngineSecret,
  type EngineService,
  type EngineTask,
  isSameDriver,
} from '../engine/index.ts';
import type { SecretStore } from '../store/index.ts';
import { taskEntries } from './ledger.ts';
import { volumeEntries } from './ledger-volumes.ts';

export interface LedgerSources {
  readonly engine: Pick<EngineClient, 'info' | 'listNodes' | 'listSecrets' | 'listServices' | 'listTasks'>;
  readonly driverName: string;
  readonly store: Pick<SecretStore, 'byId' | 'byName' | 'cluster' | 'deliveries'>;
  readonly delivery: { readonly volumes: VolumeKnowledge };
}

/** What nodes have in volumes: the leader alone knows. */
export type VolumeKnowledge =
  | { readonly kind: 'known'; readonly holdings: readonly NodeHoldings[] }
  /** The leader's hostname; undefined while there is none. */
  | { readonly kind: 'elsewhere'; readonly leader: string | undefined };

interface Swarm {
  readonly tasks: readonly EngineTask[];
  readonly services: readonly EngineService[];
  readonly nodes: readonly EngineNode[];
  /** Those of coffer's driver. */
  readonly engineSecrets: readonly EngineSecret[];
}

const NO_SWARM: Swarm = { tasks: [], services: [], nodes: [], engineSecrets: [] };

/** Throws `engine.unreachable` if the engine cannot be asked: what runs is not known then. */
export async function readLedger(sources: LedgerSources): Promise<Ledger> {
  const { store } = sources;
  const swarm = await readSwarm(sources);
  const { volumes } = sources.delivery;
  const holdings = volumes.kind === 'known' ? volumes.holdings : [];
  // Last: a task that was listed was given its secrets before.
  const deliveries = store.deliveries();
  const known = { ...(swarm ?? NO_SWARM), secrets: store };
  const silent = volumes.kind === 'known' ? silentNodes(store, holdings) : [];
  return {
    entries: [...taskEntries({ ...known, deliveries }), ...volumeEntries({ ...known, holdings })],
    gaps: [
      ...(swarm === undefined ? [NO_TASKS] : []),
      ...(volumes.kind === 'elsewhere' ? [knownElsewhere(volumes.leader)] : []),
      ...(silent.length > 0 ? [notConnected(silent)] : []),
    ],
  };
}

/** Undefined: this engine knows of no tasks. */
async function readSwarm({ driverName, engine }: LedgerSources): Promise<Swarm | undefined> {
  const { controlAvailable } = await engine.info();
  if (!controlAvailable) {
    return undefined;
  }
  // In this order: of each task that is listed, the service and the node are listed as well, unless they have gone meanwhile.
  const tasks = await engine.listTasks();
  const [services, nodes, secrets] = await Promise.all([
    engine.listServices(),
    engine.listNodes(),
    engine.listSecrets(),
  ]);
  const engineSecrets = secrets.filter(
    ({ driver }) => driver !== undefined && isSameDriver(driver, driverName),
  );
  return { tasks, services, nodes, engineSecrets };
}

/** The names of the nodes of which the leader cannot tell what they have. */
function silentNodes(
  { cluster }: LedgerSources['store'],
  holdings: readonly NodeHoldings[],
): readonly string[] {
  const told = new Set(holdings.map(({ nodeId }) => nodeId));
  return cluster
    .nodes()
    .filter(({ id }) => !told.has(id))
    .map(({ hostname, id }) => (hostname === '' ? id : hostname));
}

const NO_TASKS: ErrorReply = {
  code: 'engine.refused',
  message: "tasks are not shown, but volumes alone: this node's engine is no manager of a swarm",
  hint: 'If there is a swarm, type it on a node whose engine is a manager of that.',
};

function knownElsewhere(leader: string | undefined): ErrorReply {
  const code = 'cluster.not-leader';
  return leader === undefined
    ? {
        code,
        message: "volumes are not shown: they are known to the cluster's leader alone, and there is none",
      }
    : {
        code,
        message: `volumes are not shown: they are known to the cluster's leader alone, which is ${leader}`,
        hint: `Type it on ${leader} to see them.`,
      };
}

function notConnected(hostnames: readonly string[]): ErrorReply {
  return {
    code: 'transport.unreachable',
    message: `what volumes hold is not known of nodes that are not connected: ${hostnames.join(', ')}`,
    hint: 'See how they are: docker coffer node ls',
  };
}
