// SPDX-License-Identifier: Apache-2.0
// The routes under /v1/join-tokens.
import type { Request, RequestHandler, Response } from 'express';
import type { ClusterAdmin, TokenReply, TokenRevokedReply, TokensReply } from './cluster-wire.ts';
import { describeNewToken, describeToken } from './describe-cluster.ts';
import { BODIES, readJson } from './json-body.ts';
import type { ControlOptions } from './options.ts';
import { parameter } from './path-parameter.ts';
import { QUERIES, readQuery } from './query.ts';
import { changing, servingCluster } from './serving-cluster.ts';

/** The handlers; what they throw is answered by the application's error handler. */
export interface TokenRoutes {
  readonly list: RequestHandler;
  readonly create: RequestHandler;
  readonly revoke: RequestHandler;
}

export function tokenRoutes(options: ControlOptions): TokenRoutes {
  const admin = (): Promise<ClusterAdmin> => servingCluster(options);

  async function list(request: Request, response: Response<TokensReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    response.json({ tokens: (await admin()).tokens().map(describeToken) });
  }

  async function create(request: Request, response: Response<TokenReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const wish = await readJson(request, BODIES.tokenWish);
    const cluster = await admin();
    response.status(201).json(describeNewToken(await changing(cluster.createToken(wish))));
  }

  async function revoke(request: Request, response: Response<TokenRevokedReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const id = parameter(request, 'id');
    await changing((await admin()).revokeToken(id));
    response.json({ id });
  }

  return { list, create, revoke };
}
