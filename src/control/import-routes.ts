// SPDX-License-Identifier: Apache-2.0
// The route /v1/import/swarm.
import type { Request, RequestHandler, Response } from 'express';
import { CofferError } from '../common/index.ts';
import type { SwarmImportAdmin, SwarmImportReply } from './import-wire.ts';
import { BODIES, readJson } from './json-body.ts';
import type { ControlOptions } from './options.ts';
import { QUERIES, readQuery } from './query.ts';
import { reading } from './serving-cluster.ts';
import { servingStore } from './serving-store.ts';

export interface ImportRoutes {
  readonly begin: RequestHandler;
  readonly progress: RequestHandler;
}

export function importRoutes(options: ControlOptions): ImportRoutes {
  const admin = (): SwarmImportAdmin => {
    if (options.swarmImport === undefined) {
      throw new CofferError('engine.unreachable', 'this daemon has no engine to import secrets from');
    }
    return options.swarmImport;
  };

  async function begin(request: Request, response: Response<SwarmImportReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const { dryRun, ...wish } = await readJson(request, BODIES.swarmImport);
    await servingStore(options);
    const description = await reading(dryRun ? admin().plan(wish.names) : admin().begin(wish));
    response.status(dryRun ? 200 : 202).json(description);
  }

  async function progress(request: Request, response: Response<SwarmImportReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    response.json(admin().progress());
  }

  return { begin, progress };
}
