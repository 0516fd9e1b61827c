// SPDX-License-Identifier: Apache-2.0
// The route /v1/rebuild.
import type { Request, RequestHandler, Response } from 'express';
import { CofferError } from '../common/index.ts';
import { BODIES, readJson } from './json-body.ts';
import type { ControlOptions } from './options.ts';
import { QUERIES, readQuery } from './query.ts';
import type { RebuildAdmin, RebuildDescription } from './rebuild-wire.ts';
import { changing, reading } from './serving-cluster.ts';

/** Several managers may be asked, one after the other, and each may take its time. */
const BEGIN_TIMEOUT_MS = 75_000;
const BEGIN_IDLE_MS = BEGIN_TIMEOUT_MS + 15_000;

export interface RebuildRoutes {
  readonly describe: RequestHandler;
  readonly begin: RequestHandler;
}

export function rebuildRoutes({ rebuild }: ControlOptions): RebuildRoutes {
  const present = (): RebuildAdmin => {
    if (rebuild === undefined) {
      throw new CofferError('store.unavailable', 'this daemon has nothing to rebuild');
    }
    return rebuild;
  };

  async function describe(request: Request, response: Response<RebuildDescription>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    response.json(described(await reading(present().describe())));
  }

  async function begin(request: Request, response: Response<RebuildDescription>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const { join, token } = await readJson(request, BODIES.rebuildWish);
    response.setTimeout(BEGIN_IDLE_MS);
    response.status(202).json(described(await changing(present().begin({ join, token }), BEGIN_TIMEOUT_MS)));
  }

  return { describe, begin };
}

function described(description: RebuildDescription): RebuildDescription {
  const { nodeId, problem, replaces, secrets, setAside, stage } = description;
  return { stage, nodeId, replaces, setAside, secrets, problem };
}
