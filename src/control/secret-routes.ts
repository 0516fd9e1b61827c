// SPDX-License-Identifier: Apache-2.0
// The routes /v1/secrets and /v1/secrets/NAME, except for what stores a value.
import type { Request, RequestHandler, Response } from 'express';
import { describeSecret, describeWithSchedule } from './describe.ts';
import { describeCertificateOf } from './describe-certificate.ts';
import { findSecret, findSecretByPrefix } from './find-secret.ts';
import type { ControlOptions } from './options.ts';
import { reference } from './path-parameter.ts';
import { QUERIES, readQuery } from './query.ts';
import { refuseIfUsed } from './secret-users.ts';
import { servingStore } from './serving-store.ts';
import type { SecretReply, SecretsReply } from './wire.ts';

const READ_TIMEOUT_MS = 1_000;

/** The handlers; what they throw is answered by the application's error handler. */
export interface SecretRoutes {
  readonly list: RequestHandler;
  readonly inspect: RequestHandler;
  readonly remove: RequestHandler;
}

export function secretRoutes(options: ControlOptions): SecretRoutes {
  const { now_ms = Date.now } = options;

  async function list(request: Request, response: Response<SecretsReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const store = await servingStore(options);
    const freshness = await store.readBarrier(READ_TIMEOUT_MS);
    const listed = store.list().filter(({ pending }) => !pending);
    const rotations = store.cluster.rotations();
    const secrets = listed.map((secret) => describeWithSchedule(secret, rotations, now_ms()));
    response.json({ secrets, freshness });
  }

  async function inspect(request: Request, response: Response<SecretReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const store = await servingStore(options);
    const freshness = await store.readBarrier(READ_TIMEOUT_MS);
    const found = findSecretByPrefix(store, reference(request));
    const described = describeWithSchedule(found, store.cluster.rotations(), now_ms());
    const certificate = describeCertificateOf(store, found);
    response.json({ secret: { ...described, certificate }, freshness });
  }

  async function remove(request: Request, response: Response<SecretReply>): Promise<void> {
    const query = readQuery(QUERIES.remove, request.query);
    const store = await servingStore(options);
    const freshness = await store.readBarrier(READ_TIMEOUT_MS);
    const secret = findSecret(store, reference(request));
    if (query.force === '0') {
      await refuseIfUsed(options.users, secret);
    }
    await store.propose({ kind: 'remove', id: secret.id });
    const folded = secret.name.toLowerCase();
    const left = store.cluster.grants().filter((grant) => grant.secret.toLowerCase() === folded);
    response.json({ secret: describeSecret(secret), freshness, grants: left.map(({ id }) => id) });
  }

  return { list, inspect, remove };
}
