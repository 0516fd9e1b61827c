// SPDX-License-Identifier: Apache-2.0
// The routes under /v1/data-key.
import type { Request, RequestHandler, Response } from 'express';
import type { DataKeyDescription } from './cluster-wire.ts';
import { describeDataKey } from './describe-cluster.ts';
import type { ControlOptions } from './options.ts';
import { QUERIES, readQuery } from './query.ts';
import { servingCluster } from './serving-cluster.ts';

export interface DataKeyRoutes {
  readonly describe: RequestHandler;
  readonly rotate: RequestHandler;
}

export function dataKeyRoutes(options: ControlOptions): DataKeyRoutes {
  async function describe(request: Request, response: Response<DataKeyDescription>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    response.json(describeDataKey((await servingCluster(options)).dataKey.describe()));
  }

  async function rotate(request: Request, response: Response<DataKeyDescription>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    response.status(202).json(describeDataKey((await servingCluster(options)).dataKey.rotate()));
  }

  return { describe, rotate };
}
