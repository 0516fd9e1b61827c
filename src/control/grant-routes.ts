// SPDX-License-Identifier: Apache-2.0
// The routes under /v1/grants.
import type { Request, RequestHandler, Response } from 'express';
import type { GrantDescription, GrantReply, GrantsReply, RevokedReply } from './cluster-wire.ts';
import { BODIES, readJson } from './json-body.ts';
import type { ControlOptions } from './options.ts';
import { parameter } from './path-parameter.ts';
import { QUERIES, readQuery } from './query.ts';
import { changing, reading, servingCluster } from './serving-cluster.ts';

export interface GrantRoutes {
  readonly list: RequestHandler;
  readonly grant: RequestHandler;
  readonly revoke: RequestHandler;
}

export function grantRoutes(options: ControlOptions): GrantRoutes {
  async function list(request: Request, response: Response<GrantsReply>): Promise<void> {
    const filter = readQuery(QUERIES.grants, request.query);
    const { grants } = await servingCluster(options);
    const listed = await reading(grants.list(filter));
    response.json({ grants: listed.grants.map(describeGrant), freshness: listed.freshness });
  }

  async function grant(request: Request, response: Response<GrantReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const wish = await readJson(request, BODIES.grantWish);
    const { grants } = await servingCluster(options);
    const made = await changing(grants.grant(wish));
    response
      .status(made.changed ? 201 : 200)
      .json({ grant: describeGrant(made.grant), changed: made.changed });
  }

  async function revoke(request: Request, response: Response<RevokedReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const id = parameter(request, 'id');
    const { grants } = await servingCluster(options);
    response.json({ grant: describeGrant((await changing(grants.revoke(id))).grant) });
  }

  return { list, grant, revoke };
}

/** As those of describe-cluster.ts. */
function describeGrant(grant: GrantDescription): GrantDescription {
  return {
    id: grant.id,
    secret: grant.secret,
    secretExists: grant.secretExists,
    node: { id: grant.node.id, hostname: grant.node.hostname },
    container: grant.container,
    labels: grant.labels,
    image: grant.image,
    grantedAt_ms: grant.grantedAt_ms,
  };
}
