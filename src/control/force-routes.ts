// SPDX-License-Identifier: Apache-2.0
// The routes /v1/survivors and /v1/force-new-cluster.
import type { Request, RequestHandler, Response } from 'express';
import { CofferError } from '../common/index.ts';
import { describeError } from './describe.ts';
import type { LastEntry, SurvivorDescription } from './cluster-wire.ts';
import type { ForceNewCluster, ForceProgress, SurvivorsReply } from './force-wire.ts';
import { BODIES, readJson } from './json-body.ts';
import type { ControlOptions } from './options.ts';
import { QUERIES, readQuery } from './query.ts';
import { reading, servingCluster } from './serving-cluster.ts';

const START_WAIT_MS = 5_000;

export interface ForceRoutes {
  readonly survivors: RequestHandler;
  readonly begin: RequestHandler;
  readonly progress: RequestHandler;
}

export function forceRoutes(options: ControlOptions): ForceRoutes {
  const force = (): ForceNewCluster => {
    if (options.force === undefined) {
      throw new CofferError('store.unavailable', 'this daemon does not administer a cluster');
    }
    return options.force;
  };

  async function survivors(request: Request, response: Response<SurvivorsReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const { told } = await readJson(request, BODIES.survivors);
    const { survivors: admin } = await servingCluster(options);
    // Whether the others are gone for good is not for a look at them to say.
    const survey = await reading(admin.survey({ told, othersAreGone: true }));
    const { alone, lastEntry, managers, refusal } = survey;
    response.json({
      managers: managers.map(describeSurvivor),
      lastEntry: describeEntry(lastEntry),
      alone,
      refusal: refusal && describeError(refusal),
    });
  }

  async function begin(request: Request, response: Response<ForceProgress>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const wish = await readJson(request, BODIES.forceNewCluster);
    await options.storeStarted?.(START_WAIT_MS);
    response.status(202).json(await reading(force().begin(wish)));
  }

  async function progress(request: Request, response: Response<ForceProgress>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    response.json(force().progress());
  }

  return { survivors, begin, progress };
}

/** As in describe-cluster.ts, each field is named. */
function describeSurvivor(manager: SurvivorDescription): SurvivorDescription {
  const { address, hostname, id, lastEntry, problem, self, state, voter } = manager;
  return {
    id,
    hostname,
    address,
    self,
    voter,
    state,
    lastEntry: lastEntry && describeEntry(lastEntry),
    problem,
  };
}

function describeEntry({ index, term }: LastEntry): LastEntry {
  return { term, index };
}
