// SPDX-License-Identifier: Apache-2.0
// `PUT /v1/secrets/NAME` without express, which would cost as much as the rest of the request: a put is the call that
// comes in great numbers. Whatever is not plainly one goes to express.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { parse } from 'node:querystring';
import type { Logger } from '../common/index.ts';
import type { PutWish, Written } from './put-routes.ts';
import { QUERIES, readQuery } from './query.ts';
import { answer, refuse } from './refuse.ts';

/** A name that needs no decoding, and a query. */
const PUT_PATTERN = /^\/v1\/secrets\/([A-Za-z0-9._-]{1,64})(?:\?(.*))?$/;

export interface PutValueOptions {
  readonly put: (request: IncomingMessage, wish: PutWish) => Promise<Written>;
  readonly logger: Logger;
}

/** True if it has taken the request, which has this id. */
export type PutValue = (
  request: IncomingMessage,
  response: ServerResponse,
  controlRequest: string,
) => boolean;

export function putValue({ logger, put }: PutValueOptions): PutValue {
  return (request, response, controlRequest) => {
    const match = request.method === 'PUT' ? PUT_PATTERN.exec(request.url ?? '') : null;
    const name = match?.[1];
    if (name === undefined) {
      return false;
    }
    const query = match?.[2] ?? '';
    void (async () => {
      try {
        const { expect, label: labels, request: requestId } = readQuery(QUERIES.put, parse(query));
        const wish = { name, expect, labels, requestId, controlRequest };
        const { status, reply } = await put(request, wish);
        answer(response, status, reply);
      } catch (thrown) {
        if (!refuse(request, response, thrown, logger)) {
          response.destroy();
        }
      }
    })();
    return true;
  };
}
