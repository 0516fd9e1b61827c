// SPDX-License-Identifier: Apache-2.0
// The routes under /v1/secrets/NAME that are about its versions.
import type { Request, RequestHandler, Response } from 'express';
import { CofferError } from '../common/index.ts';
import { currentVersion, findVersion, previousVersion, type Secret } from '../secrets/index.ts';
import { describeSecret } from './describe.ts';
import { findSecret } from './find-secret.ts';
import type { ControlOptions } from './options.ts';
import { reference } from './path-parameter.ts';
import { QUERIES, readQuery } from './query.ts';
import { servingStore } from './serving-store.ts';
import type { DestroyReply, PruneReply, RollbackReply } from './wire.ts';

const READ_TIMEOUT_MS = 1_000;

/** The handlers; what they throw is answered by the application's error handler. */
export interface VersionRoutes {
  readonly rollback: RequestHandler;
  readonly destroy: RequestHandler;
  readonly prune: RequestHandler;
}

export function versionRoutes(options: ControlOptions): VersionRoutes {
  const { now_ms = Date.now } = options;

  async function rollback(request: Request, response: Response<RollbackReply>): Promise<void> {
    const { expect, version } = readQuery(QUERIES.rollback, request.query);
    const store = await servingStore(options);
    await store.readBarrier(READ_TIMEOUT_MS);
    const secret = findSecret(store, reference(request));
    const from = version === undefined ? previousVersion(secret).number : findVersion(secret, version).number;
    // A value that does not open here is not made the current one.
    store.readValue(secret.id, from).wipe();
    const { secret: outcome } = await store.propose({
      kind: 'rollback',
      id: secret.id,
      version: from,
      // The previous one is that of the version which was the current one just now.
      expect: expect ?? (version === undefined ? currentVersion(secret).number : undefined),
      at_ms: now_ms(),
    });
    response.json({ secret: describeSecret(present(outcome)), from });
  }

  async function destroy(request: Request, response: Response<DestroyReply>): Promise<void> {
    const { version: numbers } = readQuery(QUERIES.destroy, request.query);
    const store = await servingStore(options);
    await store.readBarrier(READ_TIMEOUT_MS);
    const { id } = findSecret(store, reference(request));
    const { secret } = await store.propose({ kind: 'destroy', id, numbers, at_ms: now_ms() });
    response.json({ secret: describeSecret(present(secret)) });
  }

  async function prune(request: Request, response: Response<PruneReply>): Promise<void> {
    const { keep } = readQuery(QUERIES.prune, request.query);
    const store = await servingStore(options);
    await store.readBarrier(READ_TIMEOUT_MS);
    const { id, versions } = findSecret(store, reference(request));
    const proposed = await store.propose({ kind: 'prune', id, keep, at_ms: now_ms() });
    const secret = present(proposed.secret);
    const left = new Set(secret.versions.map(({ number }) => number));
    const pruned = versions.map(({ number }) => number).filter((number) => !left.has(number));
    response.json({ secret: describeSecret(secret), pruned });
  }

  return { rollback, destroy, prune };
}

function present(secret: Secret | undefined): Secret {
  if (secret === undefined) {
    throw new CofferError('internal.invariant', 'a change of a secret came back without it');
  }
  return secret;
}
