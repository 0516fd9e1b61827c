// SPDX-License-Identifier: Apache-2.0
// The routes about rotations of secrets.
import type { Request, RequestHandler, Response } from 'express';
import { CofferError, type SecretValue, withDeadline } from '../common/index.ts';
import { cancelRotation, makeValue, renewalRule } from '../rotation/index.ts';
import { generateValue, nameKey, requireOrdinaryName, type Secret } from '../secrets/index.ts';
import type { SecretStore } from '../store/index.ts';
import { describeRotation } from './describe-rotation.ts';
import { findSecret } from './find-secret.ts';
import type { ControlOptions } from './options.ts';
import { reference } from './path-parameter.ts';
import { QUERIES, readQuery } from './query.ts';
import { readValue } from './request-body.ts';
import type { RotateReply, RotationsReply } from './rotation-wire.ts';
import { servingStore } from './serving-store.ts';

const READ_TIMEOUT_MS = 1_000;
const BEGIN_TIMEOUT_MS = 20_000;

export interface RotationRoutes {
  readonly rotate: RequestHandler;
  readonly cancel: RequestHandler;
  readonly list: RequestHandler;
}

export function rotationRoutes(options: ControlOptions): RotationRoutes {
  const { now_ms = Date.now } = options;

  async function rotate(request: Request, response: Response<RotateReply>): Promise<void> {
    const query = readQuery(QUERIES.rotate, request.query);
    const { expect, timeout_ms } = query;
    const { rotate: begin } = options;
    if (begin === undefined) {
      throw new CofferError(
        'engine.unreachable',
        'this daemon has no engine to ask which services there are',
      );
    }
    const store = await servingStore(options);
    await store.readBarrier(READ_TIMEOUT_MS);
    const secret = findSecret(store, reference(request));
    requireOrdinaryName(secret.name);
    const value = await newValue(request, query, () => renewed(store, secret, now_ms()));
    // Wiped when it is done with, which may be later than anybody waits for.
    const begun = begin({ secret, value, expect, timeout_ms }).finally(() => value.wipe());
    const rotation = await withDeadline(
      begun,
      BEGIN_TIMEOUT_MS,
      'store.timeout',
      'the rotation has not begun yet; it may still do so',
    );
    response.status(201).json({ rotation: describeRotation(rotation) });
  }

  async function cancel(request: Request, response: Response<RotateReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const store = await servingStore(options);
    await store.readBarrier(READ_TIMEOUT_MS);
    const rotation = await cancelRotation({ store, now_ms }, reference(request));
    response.json({ rotation: describeRotation(rotation) });
  }

  async function list(request: Request, response: Response<RotationsReply>): Promise<void> {
    const { secret } = readQuery(QUERIES.rotations, request.query);
    const store = await servingStore(options);
    const freshness = await store.readBarrier(READ_TIMEOUT_MS);
    const rotations = store.cluster
      .rotations()
      .filter(({ secretName }) => secret === undefined || nameKey(secretName) === nameKey(secret))
      .toReversed();
    response.json({ rotations: rotations.map(describeRotation), freshness });
  }

  return { rotate, cancel, list };
}

interface ValueWish {
  readonly renew: '0' | '1';
  readonly spec?: string | undefined;
}

/** What the schedule would make, what was asked for, or what the body holds. */
async function newValue(
  request: Request,
  { renew, spec }: ValueWish,
  renewed: () => Promise<SecretValue>,
): Promise<SecretValue> {
  if (renew === '1') {
    return renewed();
  }
  return spec === undefined ? readValue(request) : generateValue(spec);
}

async function renewed(store: SecretStore, secret: Secret, now_ms: number): Promise<SecretValue> {
  const rule = renewalRule(secret);
  if (rule === undefined) {
    throw new CofferError('request.invalid', `no label of secret ${secret.name} says what it is renewed by`);
  }
  return makeValue(store, rule.source, now_ms);
}
