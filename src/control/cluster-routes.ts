// SPDX-License-Identifier: Apache-2.0
// The routes under /v1/cluster and /v1/ca.
import type { Request, RequestHandler, Response } from 'express';
import type { AuthorityDescription, ClusterAdmin, ClusterDescription } from './cluster-wire.ts';
import { describeAuthority, describeCluster } from './describe-cluster.ts';
import { BODIES, readJson } from './json-body.ts';
import type { ControlOptions } from './options.ts';
import { QUERIES, readQuery } from './query.ts';
import { changing, reading, servingCluster } from './serving-cluster.ts';

/** The handlers; what they throw is answered by the application's error handler. */
export interface ClusterRoutes {
  readonly describe: RequestHandler;
  readonly setLifetime: RequestHandler;
  readonly authority: RequestHandler;
  readonly rotate: RequestHandler;
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

  async function authority(request: Request, response: Response<AuthorityDescription>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    response.json(describeAuthority(await (await admin()).authority()));
  }

  async function rotate(request: Request, response: Response<AuthorityDescription>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const cluster = await admin();
    response.status(202).json(describeAuthority(await changing(cluster.rotateAuthority())));
  }

  return { describe, setLifetime, authority, rotate };
}
