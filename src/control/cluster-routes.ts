// SPDX-License-Identifier: Apache-2.0
// The routes under /v1/cluster, /v1/nodes, /v1/ca and /v1/join-tokens.
import type { Request, RequestHandler, Response } from 'express';
import { CofferError, withDeadline } from '../common/index.ts';
import type {
  AuthorityDescription,
  ClusterAdmin,
  ClusterDescription,
  NodeReply,
  NodesReply,
  TokenReply,
  TokenRevokedReply,
  TokensReply,
} from './cluster-wire.ts';
import {
  describeAuthority,
  describeCluster,
  describeNewToken,
  describeNode,
  describeNodeReply,
  describeToken,
} from './describe-cluster.ts';
import { BODIES, readJson } from './json-body.ts';
import type { ControlOptions } from './options.ts';
import { QUERIES, readQuery } from './query.ts';

const START_WAIT_MS = 5_000;
const READ_TIMEOUT_MS = 10_000;
const CHANGE_TIMEOUT_MS = 25_000;
/** A role changes in several steps, for which the cluster is given a minute. */
const ROLE_TIMEOUT_MS = 75_000;
/** How long a connection may be still while a role changes: longer than the answer can take. */
const ROLE_IDLE_MS = ROLE_TIMEOUT_MS + 15_000;
const REFERENCE_LENGTH_MAX = 256;

/** The handlers of the cluster's routes; what they throw is answered by the application's error handler. */
export interface ClusterRoutes {
  readonly describe: RequestHandler;
  readonly setLifetime: RequestHandler;
  readonly nodes: RequestHandler;
  readonly node: RequestHandler;
  readonly setRole: RequestHandler;
  readonly removeNode: RequestHandler;
  readonly authority: RequestHandler;
  readonly rotate: RequestHandler;
  readonly tokens: RequestHandler;
  readonly createToken: RequestHandler;
  readonly revokeToken: RequestHandler;
}

export function clusterRoutes(options: ControlOptions): ClusterRoutes {
  const admin = (): Promise<ClusterAdmin> => servingCluster(options);

  async function describe(request: Request, response: Response<ClusterDescription>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    response.json(describeCluster(await reading((await admin()).describe())));
  }

  async function setLifetime(request: Request, response: Response<ClusterDescription>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const { lifetime_ms } = await readJson(request, BODIES.lifetime);
    const cluster = await admin();
    response.json(describeCluster(await changing(cluster.setCertificateLifetime(lifetime_ms))));
  }

  async function nodes(request: Request, response: Response<NodesReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const listed = await reading((await admin()).nodes());
    response.json({ nodes: listed.map(describeNode) });
  }

  async function node(request: Request, response: Response<NodeReply>): Promise<void> {
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

  async function removeNode(request: Request, response: Response<NodeReply>): Promise<void> {
    const { force } = readQuery(QUERIES.remove, request.query);
    const reference = parameter(request, 'node');
    const cluster = await admin();
    // A manager leaves the voters first.
    response.setTimeout(ROLE_IDLE_MS);
    const change = cluster.remove(reference, force === '1');
    response.json(describeNodeReply(await changing(change, ROLE_TIMEOUT_MS)));
  }

  async function authority(request: Request, response: Response<AuthorityDescription>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    response.json(describeAuthority(await (await admin()).authority()));
  }

  async function rotate(request: Request, response: Response<AuthorityDescription>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const cluster = await admin();
    response.status(202).json(describeAuthority(await changing(cluster.rotateAuthority())));
  }

  async function tokens(request: Request, response: Response<TokensReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    response.json({ tokens: (await admin()).tokens().map(describeToken) });
  }

  async function createToken(request: Request, response: Response<TokenReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const wish = await readJson(request, BODIES.tokenWish);
    const cluster = await admin();
    response.status(201).json(describeNewToken(await changing(cluster.createToken(wish))));
  }

  async function revokeToken(request: Request, response: Response<TokenRevokedReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const id = parameter(request, 'id');
    await changing((await admin()).revokeToken(id));
    response.json({ id });
  }

  return {
    describe,
    setLifetime,
    nodes,
    node,
    setRole,
    removeNode,
    authority,
    rotate,
    tokens,
    createToken,
    revokeToken,
  };
}

/** The cluster; a call that comes while the daemon starts waits a little, as those for secrets do. */
export async function servingCluster({ cluster, storeStarted }: ControlOptions): Promise<ClusterAdmin> {
  if (cluster === undefined) {
    throw new CofferError('store.unavailable', 'this daemon does not administer a cluster');
  }
  await storeStarted?.(START_WAIT_MS);
  return cluster();
}

export function reading<T>(work: Promise<T>): Promise<T> {
  return withDeadline(work, READ_TIMEOUT_MS, 'store.timeout', 'the cluster did not answer in time');
}

export function changing<T>(work: Promise<T>, timeout_ms: number = CHANGE_TIMEOUT_MS): Promise<T> {
  const sentence = `the change has not taken effect after ${timeout_ms / 1_000} s; it may yet`;
  return withDeadline(work, timeout_ms, 'store.timeout', sentence);
}

/** A parameter of the path, of which express can make a list only for routes with a wildcard. */
export function parameter(request: Request, name: 'node' | 'id'): string {
  const text = request.params[name];
  if (typeof text !== 'string' || text.length > REFERENCE_LENGTH_MAX) {
    throw new CofferError('request.invalid', `a ${name} has ${REFERENCE_LENGTH_MAX} characters at most`);
  }
  return text;
}
