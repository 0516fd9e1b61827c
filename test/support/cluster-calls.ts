// SPDX-License-Identifier: Apache-2.0
// The calls on the cluster, below the command line, at one manager's control socket.
import type {
  AuthorityDescription,
  ClusterDescription,
  DaemonStatus,
  GrantReply,
  GrantWish,
  NodeDescription,
  NodeReply,
  NodeRole,
  NodesReply,
  TokenReply,
  TokenWish,
} from '../../src/control/index.ts';
import { splitPemBundle } from '../../src/pki/index.ts';
import type { ManagerProcess } from './manager-process.ts';
import { acceptedBody } from './manager-refusal.ts';
import { requestOverSocket, type SocketRequest } from './socket-request.ts';
import { waitFor } from './wait-for.ts';

/** A role changes in several steps, for which the cluster is given a minute. */
const CHANGE_MS_MAX = 80_000;

async function call(manager: ManagerProcess, request: SocketRequest): Promise<unknown> {
  const defaults = { headers: { host: 'coffer' }, timeout_ms: CHANGE_MS_MAX };
  return acceptedBody(await requestOverSocket(manager.controlSocket, { ...defaults, ...request }));
}

/** `GET /v1/nodes`: the nodes as this manager sees them. */
export async function nodesAt(manager: ManagerProcess): Promise<readonly NodeDescription[]> {
  return ((await call(manager, { path: '/v1/nodes' })) as NodesReply).nodes;
}

/** `GET /v1/cluster`. */
export async function clusterAt(manager: ManagerProcess): Promise<ClusterDescription> {
  return (await call(manager, { path: '/v1/cluster' })) as ClusterDescription;
}

/** `GET /v1/ca`: PEM of each root. */
export async function authorityAt(manager: ManagerProcess): Promise<readonly string[]> {
  const { certificates } = (await call(manager, { path: '/v1/ca' })) as AuthorityDescription;
  return splitPemBundle(certificates);
}

/** The manager's own id as a node; rejects while it has none. */
export async function nodeIdOf(manager: ManagerProcess): Promise<string> {
  const { cluster } = await manager.status();
  if (cluster?.nodeId === undefined) {
    throw new Error(`${manager.name} is no node of a cluster yet`);
  }
  return cluster.nodeId;
}

/** `POST /v1/join-tokens`. */
export async function joinTokenFrom(manager: ManagerProcess, wish: TokenWish): Promise<string> {
  return ((await call(manager, { method: 'POST', path: '/v1/join-tokens', body: wish })) as TokenReply).token;
}

/** `POST /v1/grants`: resolves to the grant's id. */
export async function grantTo(manager: ManagerProcess, wish: GrantWish): Promise<string> {
  return ((await call(manager, { method: 'POST', path: '/v1/grants', body: wish })) as GrantReply).grant.id;
}

/** `DELETE /v1/grants/:id`: resolves when it is gone. */
export async function revokeGrant(manager: ManagerProcess, id: string): Promise<void> {
  await call(manager, { method: 'DELETE', path: `/v1/grants/${id}` });
}

/** `PUT /v1/nodes/:node/role`: resolves when it has taken effect. */
export async function changeRole(at: ManagerProcess, nodeId: string, role: NodeRole): Promise<NodeReply> {
  const body = { role, force: false };
  return (await call(at, { method: 'PUT', path: `/v1/nodes/${nodeId}/role`, body })) as NodeReply;
}

/** `DELETE /v1/nodes/:node?force=1`: resolves when the node is out. */
export async function removeNode(at: ManagerProcess, nodeId: string, force = true): Promise<NodeReply> {
  const path = `/v1/nodes/${nodeId}?force=${force ? 1 : 0}`;
  return (await call(at, { method: 'DELETE', path })) as NodeReply;
}

export type Reason = Exclude<DaemonStatus['reason'], undefined>;

/** Resolves to why the manager serves nothing, once it says `code`. */
export async function reasonOf(manager: ManagerProcess, code: string, timeout_ms = 15_000): Promise<Reason> {
  return waitFor(
    async () => {
      const { reason } = await manager.status();
      if (reason?.code !== code) {
        throw new Error(`it says ${JSON.stringify(reason)}`);
      }
      return reason;
    },
    { what: `${manager.name} to say ${code}`, timeout_ms },
  );
}
