// SPDX-License-Identifier: Apache-2.0
// The routes under /v1/sealing-key, and /v1/reseal.
import type { Request, RequestHandler, Response } from 'express';
import { CofferError, readBody } from '../common/index.ts';
import { certificateOf, parseSealed, resealValue, SEALED_TEXT_LENGTH_MAX } from '../sealing/index.ts';
import type { SealingKeyObject } from '../membership/index.ts';
import type { SecretStore } from '../store/index.ts';
import { describeError } from './describe.ts';
import { noteForAudit } from './audit-note.ts';
import type { ControlOptions } from './options.ts';
import { parameter } from './path-parameter.ts';
import { QUERIES, readQuery } from './query.ts';
import { activeKeyOf, describeSealingKey, rotateKey } from './sealing-keys.ts';
import type { ResealReply, SealingKeyDescription } from './sealing-wire.ts';
import { servingStore } from './serving-store.ts';

export interface SealingRoutes {
  readonly describe: RequestHandler;
  readonly rotate: RequestHandler;
  readonly forget: RequestHandler;
  readonly reseal: RequestHandler;
}

export function sealingRoutes(options: ControlOptions): SealingRoutes {
  const { now_ms = Date.now } = options;

  async function describe(request: Request, response: Response<SealingKeyDescription>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const store = await servingStore(options);
    const { key, made } = await activeKeyOf(store, now_ms());
    if (made) {
      options.audit?.auditor.record('sealing-key', { by: 'control', detail: `made ${key.id}` });
    }
    response.json(describeSealingKey(store));
  }

  async function rotate(request: Request, response: Response<SealingKeyDescription>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const store = await servingStore(options);
    const { id } = await rotateKey(store, now_ms());
    noteForAudit(response, `made ${id}`);
    response.json(describeSealingKey(store));
  }

  async function forget(request: Request, response: Response<SealingKeyDescription>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const id = parameter(request, 'id');
    const store = await servingStore(options);
    await store.propose({ kind: 'forget-sealing-key', id });
    noteForAudit(response, `forgot ${id}`);
    response.json(describeSealingKey(store));
  }

  /**
   * It answers with a new seal alone, for the same secret, which is taken from inside of the old one: whoever asks learns nothing of the value, and
   * makes nothing of it that could be handed out elsewhere.
   */
  async function reseal(request: Request, response: Response<ResealReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const body = await readBody(request, { limit_bytes: SEALED_TEXT_LENGTH_MAX, tooLarge });
    const text = body.toString('latin1');
    const store = await servingStore(options);
    const { key } = await activeKeyOf(store, now_ms());
    const reply = resealed(store, text, key);
    noteForAudit(
      response,
      reply.problem === undefined ? `sealed value ${parseSealed(text).valueId}` : reply.problem.code,
    );
    response.json(reply);
  }

  return { describe, rotate, forget, reseal };
}

function resealed({ cluster }: SecretStore, text: string, key: SealingKeyObject): ResealReply {
  try {
    // Opened in any case: damage is told, whichever key it is under.
    const sealed = resealValue(cluster, text, certificateOf(key));
    const changed = parseSealed(text).keyId !== key.id;
    return { sealed: changed ? sealed : text, changed };
  } catch (thrown) {
    const error = CofferError.from(thrown);
    if (!error.code.startsWith('sealed.')) {
      throw error;
    }
    return { sealed: text, changed: false, problem: describeError(error) };
  }
}

function tooLarge(): CofferError {
  return new CofferError(
    'request.too-large',
    `a sealed value has ${SEALED_TEXT_LENGTH_MAX} characters at most`,
  );
}
