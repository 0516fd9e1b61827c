// SPDX-License-Identifier: Apache-2.0
// The routes /v1/autolock, /v1/peer-unlock, /v1/unlock-key and /v1/unlock.
import type { Request, RequestHandler, Response } from 'express';
import { CofferError, readBody, withDeadline } from '../common/index.ts';
import type { AutolockAdmin, AutolockDescription, UnlockKeyReply } from './cluster-wire.ts';
import { describeAutolock, describeUnlockKey } from './describe-cluster.ts';
import { BODIES, readJson } from './json-body.ts';
import type { ControlOptions } from './options.ts';
import { QUERIES, readQuery } from './query.ts';
import { changing, reading, servingCluster } from './serving-cluster.ts';
import type { UnlockReply } from './wire.ts';

/** A daemon that is starting does not know yet that it is locked. */
const START_WAIT_MS = 5_000;
/** A start verifies all tables first, about a second for each GB. */
const UNLOCK_TIMEOUT_MS = 75_000;
const UNLOCK_IDLE_MS = UNLOCK_TIMEOUT_MS + 15_000;
/** Much more than a key or all its shares have. */
const UNLOCK_BYTES_MAX = 16 * 1024;

export interface AutolockRoutes {
  readonly describe: RequestHandler;
  readonly set: RequestHandler;
  readonly setPeerUnlock: RequestHandler;
  readonly unlockKey: RequestHandler;
  readonly unlock: RequestHandler;
}

export function autolockRoutes(options: ControlOptions): AutolockRoutes {
  const autolock = async (): Promise<AutolockAdmin> => (await servingCluster(options)).autolock;

  async function describe(request: Request, response: Response<AutolockDescription>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    response.json(describeAutolock(await reading((await autolock()).describe())));
  }

  async function set(request: Request, response: Response<AutolockDescription>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const { enabled, peerUnlock } = await readJson(request, BODIES.autolock);
    response.json(describeAutolock(await changing((await autolock()).set(enabled, peerUnlock))));
  }

  async function setPeerUnlock(request: Request, response: Response<AutolockDescription>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const { enabled } = await readJson(request, BODIES.peerUnlock);
    response.json(describeAutolock(await changing((await autolock()).setPeerUnlock(enabled))));
  }

  async function unlockKey(request: Request, response: Response<UnlockKeyReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const wish = await readJson(request, BODIES.unlockKeyWish);
    response.json(describeUnlockKey(await changing((await autolock()).unlockKey(wish))));
  }

  async function unlock(request: Request, response: Response<UnlockReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    if (options.unlock === undefined) {
      throw new CofferError('unlock.not-locked', 'this daemon has nothing to unlock');
    }
    // The body is the key itself, or shares with one on each line, so that it is never a string here.
    const text = await readBody(request, {
      limit_bytes: UNLOCK_BYTES_MAX,
      tooLarge: () => new CofferError('request.too-large', `the body has ${UNLOCK_BYTES_MAX} bytes at most`),
    });
    response.setTimeout(UNLOCK_IDLE_MS);
    await options.storeStarted?.(START_WAIT_MS);
    const sentence = 'coffer is unlocked, and still opens its store; docker coffer status says how far it is';
    await withDeadline(options.unlock(text), UNLOCK_TIMEOUT_MS, 'store.timeout', sentence);
    response.json({ state: 'serving' });
  }

  return { describe, set, setPeerUnlock, unlockKey, unlock };
}
