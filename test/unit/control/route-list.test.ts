// SPDX-License-Identifier: Apache-2.0
// The list of calls, from which their reference is made: each call takes what the list says.
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { BODIES, readJson } from '../../../src/control/json-body.ts';
import { QUERIES } from '../../../src/control/query.ts';
import { type RouteDescription, ROUTES } from '../../../src/control/route-list.ts';
import { requestOverSocket, type SocketReply } from '../../support/socket-request.ts';
import { withControl } from './control-harness.ts';

interface Call extends RouteDescription {
  readonly method: string;
  readonly path: string;
}

const NONSENSE = { nonsense: 1 };
/** For the parameters that have to be there. */
const GIVEN: Readonly<Record<string, string>> = { spec: 'hex:32', version: '1', keep: '1', file: 'f' };

const calls = Object.entries(ROUTES).flatMap(([path, methods]) =>
  Object.entries<RouteDescription>(methods).map(
    ([method, description]): Call => ({
      ...description,
      method: method.toUpperCase(),
      path: path.replaceAll(/:\w+/g, 'x'),
    }),
  ),
);

/** What the schema itself says of that body. */
async function refusalOf(json: keyof typeof BODIES, body: object): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  const request = Object.assign(Readable.from([Buffer.from(JSON.stringify(body))]), { headers });
  try {
    await readJson(request as unknown as IncomingMessage, BODIES[json]);
    return '';
  } catch (thrown) {
    return CofferError.from(thrown).detail;
  }
}

function messageOf(reply: SocketReply): string {
  return (reply.json() as { readonly message?: string }).message ?? '';
}

test('each call takes the query parameters of its list, and no other', async () => {
  await withControl({}, async ({ socketPath }) => {
    for (const { method, path, query } of calls) {
      const known = Object.keys(QUERIES[query].entries);
      const given = known.flatMap((key) => (GIVEN[key] === undefined ? [] : [`${key}=${GIVEN[key]}`]));
      for (const parameter of [...known, 'nonsense']) {
        const all = [...given.filter((text) => !text.startsWith(`${parameter}=`)), `${parameter}=1`];
        const reply = await requestOverSocket(socketPath, { method, path: `${path}?${all.join('&')}` });
        const isRefused = messageOf(reply).includes(`unknown query parameter "${parameter}"`);
        assert.equal(isRefused, !known.includes(parameter), `${method} ${path}?${all.join('&')}`);
      }
    }
  });
  assert.ok(calls.length > 60, 'there is something to ask');
});

test('each call with a body of JSON reads it by the schema of its list', async () => {
  await withControl({}, async ({ socketPath }) => {
    for (const { json, method, path } of calls) {
      const reply = await requestOverSocket(socketPath, { method, path, body: NONSENSE });
      if (json === undefined) {
        assert.doesNotMatch(messageOf(reply), /body lacks|in the body$/, `${method} ${path}`);
      } else {
        assert.equal(messageOf(reply), await refusalOf(json, NONSENSE), `${method} ${path}`);
      }
    }
  });
});
