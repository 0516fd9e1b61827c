// SPDX-License-Identifier: Apache-2.0
// The route /v1/why.
import type { Request, RequestHandler, Response } from 'express';
import { CofferError, withDeadline } from '../common/index.ts';
import type { WhyReply } from '../diagnosis/index.ts';
import type { ControlOptions } from './options.ts';
import { QUERIES, readQuery } from './query.ts';

const TIMEOUT_MS = 12_000;

/** Why somebody does not get a secret. */
export function whyRoute({ why }: ControlOptions): RequestHandler {
  return async (request: Request, response: Response<WhyReply>) => {
    const { name } = readQuery(QUERIES.refusals, request.query);
    if (why === undefined) {
      throw new CofferError('request.not-found', 'this daemon cannot tell why');
    }
    response.json(
      await withDeadline(why(name), TIMEOUT_MS, 'internal.unexpected', 'nobody came to know why in time'),
    );
  };
}
