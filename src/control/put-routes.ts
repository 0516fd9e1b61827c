// SPDX-License-Identifier: Apache-2.0
// The routes under /v1/secrets that store a value: one that is sent, or one that is made here.
import type { IncomingMessage } from 'node:http';
import type { Request, RequestHandler, Response } from 'express';
import { issueCertificate } from '../certificates/index.ts';
import { CofferError, type SecretValue } from '../common/index.ts';
import {
  CERTIFICATE_LABELS,
  type CertificateWish,
  certificateWish,
  checkName,
  generateValue,
  type Labels,
  newSecretId,
  type PutValue,
} from '../secrets/index.ts';
import type { SecretStore } from '../store/index.ts';
import { describeSecret } from './describe.ts';
import type { ControlOptions } from './options.ts';
import { reference } from './path-parameter.ts';
import { QUERIES, readQuery } from './query.ts';
import { readValue } from './request-body.ts';
import { servingStore } from './serving-store.ts';
import type { PutReply } from './wire.ts';

/** The handlers; what they throw is answered by the application's error handler. */
export interface PutRoutes {
  readonly put: RequestHandler;
  readonly generate: RequestHandler;
  readonly certificate: RequestHandler;
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
  /** See `ProposeOptions`. */
  readonly controlRequest?: string | undefined;
}

/** What a change is answered with. */
export interface Written {
  readonly status: 200 | 201;
  readonly reply: PutReply;
}

export function putRoutes(options: ControlOptions): PutRoutes {
  const { now_ms = Date.now } = options;

  async function put(request: Request, response: Response<PutReply>): Promise<void> {
    const { expect, label: labels, request: requestId } = readQuery(QUERIES.put, request.query);
    const wish = { name: reference(request), labels, expect, requestId };
    const { status, reply } = await putValue(request, wish);
    response.status(status).json(reply);
  }

  async function putValue(request: IncomingMessage, wish: PutWish): Promise<Written> {
    checkName(wish.name);
    const store = await servingStore(options);
    const value = await readValue(request);
    return propose(store, wish, value, now_ms());
  }

  async function generate(request: Request, response: Response<PutReply>): Promise<void> {
    const query = readQuery(QUERIES.generate, request.query);
    const name = reference(request);
    checkName(name);
    const store = await servingStore(options);
    const value = generateValue(query.spec);
    const wish = { name, labels: query.label, expect: query.expect, requestId: query.request };
    const { status, reply } = await propose(store, wish, value, now_ms());
    response.status(status).json(reply);
  }

  async function certificate(request: Request, response: Response<PutReply>): Promise<void> {
    const { expect, label: labels, request: requestId } = readQuery(QUERIES.put, request.query);
    const name = reference(request);
    checkName(name);
    const asked = requireCertificateWish(labels);
    const store = await servingStore(options);
    const value = await issueCertificate(store, asked, now_ms());
    const wish = { name, labels, expect, requestId };
    const { status, reply } = await propose(store, wish, value, now_ms());
    response.status(status).json(reply);
  }

  return { put, generate, certificate, putValue };
}

function requireCertificateWish(labels: Labels | undefined): CertificateWish {
  const wish = certificateWish(labels ?? {});
  if (wish === undefined) {
    throw new CofferError(
      'secret.label-invalid',
      `label ${CERTIFICATE_LABELS.name} says whom the certificate is for, and is missing`,
    );
  }
  return wish;
}

async function propose(
  store: SecretStore,
  { controlRequest, requestId, ...wish }: PutWish,
  value: SecretValue,
  now_ms: number,
): Promise<Written> {
  const command: PutValue = {
    kind: 'put',
    id: newSecretId(),
    origin: 'control',
    at_ms: now_ms,
    ...wish,
    value,
  };
  const { secret, index } = await store
    .propose(command, { requestId, controlRequest })
    .finally(() => value.wipe());
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
