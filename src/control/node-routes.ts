// SPDX-License-Identifier: Apache-2.0
// The routes under /v1/nodes.
import type { Request, RequestHandler, Response } from 'express';
import type { ClusterAdmin, NodeReply, NodesReply } from './cluster-wire.ts';
import { describeNode, describeNodeReply } from './describe-cluster.ts';
import { BODIES, readJson } from './json-body.ts';
import type { ControlOptions } from './options.ts';
import { parameter } from './path-parameter.ts';
import { QUERIES, readQuery } from './query.ts';
import { changing, reading, servingCluster } from './serving-cluster.ts';

/** A role changes in several steps, for which the cluster is given a minute. */
const ROLE_TIMEOUT_MS = 75_000;
/** How long a connection may be still while a role changes: longer than the answer can take. */
const ROLE_IDLE_MS = ROLE_TIMEOUT_MS + 15_000;

/** The handlers; what they throw is answered by the application's error handler. */
export interface NodeRoutes {
  readonly list: RequestHandler;
  readonly inspect: RequestHandler;
  readonly setRole: RequestHandler;
  readonly remove: RequestHandler;
}

export function nodeRoutes(options: ControlOptions): NodeRoutes {
  const admin = (): Promise<ClusterAdmin> => servingCluster(options);

  async function list(request: Request, response: Response<NodesReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const listed = await reading((await admin()).nodes());
    response.json({ nodes: listed.map(describeNode) });
  }

  async function inspect(request: Request, response: Response<NodeReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const reference = parameter(request, 'node');
    response.json(describeNodeReply(await reading((await admin()).node(reference))));
  }

  async function setRole(request: Request, response: Response<NodeReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const reference = parameter(request, 'node');
    const { role, force } = await readJson(request, BODIES.role);
    const cluster = await admin();
    response.setTimeout(ROLE_IDLE_MS);
    const change = cluster.setRole(reference, role, force);
    response.json(describeNodeReply(await changing(change, ROLE_TIMEOUT_MS)));
  }

  async function remove(request: Request, response: Response<NodeReply>): Promise<void> {
    const { force } = readQuery(QUERIES.remove, request.query);
    const reference = parameter(request, 'node');
    const cluster = await admin();
    // A manager leaves the voters first.
    response.setTimeout(ROLE_IDLE_MS);
    const change = cluster.remove(reference, force === '1');
    response.json(describeNodeReply(await changing(change, ROLE_TIMEOUT_MS)));
  }

  return { list, inspect, setRole, remove };
}
