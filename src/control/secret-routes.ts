// SPDX-License-Identifier: Apache-2.0
// The routes under /v1/secrets.
import type { IncomingMessage } from 'node:http';
import type { Request, RequestHandler, Response } from 'express';
import { issueCertificate } from '../certificates/index.ts';
import { CofferError, type SecretValue, withDeadline } from '../common/index.ts';
import {
  CERTIFICATE_LABELS,
  certificateWish,
  checkName,
  generateValue,
  type Labels,
  newSecretId,
  type PutValue,
  type Secret,
} from '../secrets/index.ts';
import type { SecretStore } from '../store/index.ts';
import { describeSecret, describeWithSchedule } from './describe.ts';
import { describeCertificateOf } from './describe-certificate.ts';
import { findSecret, findSecretByPrefix } from './find-secret.ts';
import type { ControlOptions } from './options.ts';
import { QUERIES, readQuery } from './query.ts';
import { servingStore } from './serving-store.ts';
import { readValue } from './request-body.ts';
import type { PutReply, SecretReply, SecretsReply } from './wire.ts';

const READ_TIMEOUT_MS = 1_000;
const USERS_TIMEOUT_MS = 5_000;

/** The handlers of the secrets' routes; what they throw is answered by the application's error handler. */
export interface SecretRoutes {
  readonly list: RequestHandler;
  readonly inspect: RequestHandler;
  readonly put: RequestHandler;
  readonly generate: RequestHandler;
  readonly certificate: RequestHandler;
  readonly remove: RequestHandler;
  /** What `put` does, for a handler in front of express. */
  readonly putValue: (request: IncomingMessage, wish: PutWish) => Promise<Written>;
}

/** What a put is to do with the value in its body. */
export interface PutWish {
  readonly name: string;
  readonly labels: Labels | undefined;
  readonly expect: PutValue['expect'];
  /** See `ProposeOptions`. */
  readonly requestId: string | undefined;
}

/** What a change is answered with. */
export interface Written {
  readonly status: 200 | 201;
  readonly reply: PutReply;
}

export function secretRoutes(options: ControlOptions): SecretRoutes {
  const { users, now_ms = Date.now } = options;

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

  async function put(request: Request, response: Response<PutReply>): Promise<void> {
    const { expect, label: labels, request: requestId } = readQuery(QUERIES.put, request.query);
    const wish = { name: reference(request), labels, expect, requestId };
    const { status, reply } = await putValue(request, wish);
    response.status(status).json(reply);
  }

  async function putValue(request: IncomingMessage, wish: PutWish): Promise<Written> {
    checkName(wish.name);
    const store = await servingStore(options);
    return propose(store, wish, await readValue(request));
  }

  async function generate(request: Request, response: Response<PutReply>): Promise<void> {
    const query = readQuery(QUERIES.generate, request.query);
    const name = reference(request);
    checkName(name);
    const store = await servingStore(options);
    const value = generateValue(query.spec);
    const wish = { name, labels: query.label, expect: query.expect, requestId: query.request };
    const { status, reply } = await propose(store, wish, value);
    response.status(status).json(reply);
  }

  async function certificate(request: Request, response: Response<PutReply>): Promise<void> {
    const { expect, label: labels, request: requestId } = readQuery(QUERIES.put, request.query);
    const name = reference(request);
    checkName(name);
    const asked = certificateWish(labels ?? {});
    if (asked === undefined) {
      throw new CofferError(
        'secret.label-invalid',
        `label ${CERTIFICATE_LABELS.name} says whom the certificate is for, and is missing`,
      );
    }
    const store = await servingStore(options);
    const value = await issueCertificate(store, asked, now_ms());
    const { status, reply } = await propose(store, { name, labels, expect, requestId }, value);
    response.status(status).json(reply);
  }

  async function propose(
    store: SecretStore,
    { requestId, ...wish }: PutWish,
    value: SecretValue,
  ): Promise<Written> {
    const command: PutValue = {
      kind: 'put',
      id: newSecretId(),
      origin: 'control',
      at_ms: now_ms(),
      ...wish,
      value,
    };
    const { secret, index } = await store.propose(command, { requestId }).finally(() => value.wipe());
    if (secret === undefined) {
      throw new CofferError('internal.invariant', 'a put came back without its secret');
    }
    const changed = secret.modifiedIndex === index;
    const description = describeSecret(secret);
    return {
      status: changed && description.version === 1 ? 201 : 200,
      reply: { secret: description, changed },
    };
  }

  async function remove(request: Request, response: Response<SecretReply>): Promise<void> {
    const query = readQuery(QUERIES.remove, request.query);
    const store = await servingStore(options);
    const freshness = await store.readBarrier(READ_TIMEOUT_MS);
    const secret = findSecret(store, reference(request));
    if (query.force === '0') {
      await refuseIfUsed(secret);
    }
    await store.propose({ kind: 'remove', id: secret.id });
    const folded = secret.name.toLowerCase();
    const left = store.cluster.grants().filter((grant) => grant.secret.toLowerCase() === folded);
    response.json({ secret: describeSecret(secret), freshness, grants: left.map(({ id }) => id) });
  }

  async function refuseIfUsed(secret: Secret): Promise<void> {
    const { services, engineSecrets } = await withDeadline(
      users(secret.name),
      USERS_TIMEOUT_MS,
      'engine.unreachable',
      `the engine did not say in ${USERS_TIMEOUT_MS / 1_000} s who uses secret ${secret.name}`,
    ).catch((thrown: unknown) => {
      const error = CofferError.from(thrown, 'engine.unreachable');
      throw new CofferError(error.code, error.detail, {
        hint: `To remove it without asking the engine: docker coffer rm --force ${secret.name}`,
        cause: thrown,
      });
    });
    if (services.length > 0 || engineSecrets.length > 0) {
      throw inUse(secret, services, engineSecrets);
    }
  }

  return { list, inspect, put, generate, certificate, remove, putValue };
}

/** The `:name` of the path, of which express can make a list only for routes with a wildcard. */
export function reference(request: Request): string {
  const name = request.params['name'];
  return typeof name === 'string' ? name : '';
}

function inUse(secret: Secret, services: readonly string[], engineSecrets: readonly string[]): CofferError {
  if (services.length > 0) {
    const noun = services.length === 1 ? 'service' : 'services';
    return new CofferError(
      'secret.in-use',
      `secret ${secret.name} is in use by the following ${noun}: ${services.join(', ')}`,
      {
        hint: `Take it from them first: docker service update --secret-rm ${engineSecrets[0] ?? secret.name} ${services[0]}`,
      },
    );
  }
  const names = engineSecrets.join(' ');
  return new CofferError(
    'secret.in-use',
    `the engine still has secrets that take their value from here: ${names}`,
    {
      hint:
        secret.origin === 'gateway'
          ? `Remove both at once through the gateway: docker secret rm ${names}`
          : `Remove those first: docker secret rm ${names}`,
    },
  );
}
