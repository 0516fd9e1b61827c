// SPDX-License-Identifier: Apache-2.0
// POST /v1/backup and POST /v1/restore. The command line makes and reads a backup's header, and knows its passphrase; what
// comes here is the key of the payload, in the first bytes of the body, and the payload itself.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request, RequestHandler, Response } from 'express';
import { beginBackup, restoreBackup } from '../archive/index.ts';
import { openBackup } from '../backup/index.ts';
import { CofferError } from '../common/index.ts';
import type { ControlOptions } from './options.ts';
import { bodyReader, readPayloadKey, requireEnd } from './payload-body.ts';
import { QUERIES, readQuery } from './query.ts';
import { servingStore } from './serving-store.ts';
import type { BackupReply, RestoreReply } from './wire.ts';

const SUMMARY_TRAILER = 'coffer-backup-summary';
const READ_TIMEOUT_MS = 1_000;
/** Nobody is kept waiting by it, and it must not fail since the machine is busy. */
const RESTORE_READ_TIMEOUT_MS = 5_000;

export interface BackupRoutes {
  readonly backup: RequestHandler;
  readonly restore: RequestHandler;
}

export function backupRoutes(options: ControlOptions): BackupRoutes {
  const { version, now_ms = Date.now } = options;

  /** Answers with the payload alone, and with what is in it as a trailer: an answer without it is not whole. */
  async function backup(request: Request, response: Response): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const body = bodyReader(request);
    const payloadKey = await readPayloadKey(body);
    try {
      await requireEnd(body);
      const store = await servingStore(options);
      const freshness = await store.readBarrier(READ_TIMEOUT_MS);
      const payload = await beginBackup(store, { payloadKey, version, createdAt_ms: now_ms() });
      const chunks = payload.chunks[Symbol.asyncIterator]();
      try {
        // What fails before the first chunk is there can still be answered with its reason.
        const first = await chunks.next();
        response.set({ 'Content-Type': 'application/octet-stream', Trailer: SUMMARY_TRAILER });
        await pipeline(Readable.from(resumed(first, chunks)), response, { end: false });
        const reply: BackupReply = { ...payload.summary(), freshness };
        response.addTrailers({ [SUMMARY_TRAILER]: JSON.stringify(reply) });
        response.end();
      } finally {
        await chunks.return?.();
      }
    } finally {
      payloadKey.fill(0);
      await body.close();
    }
  }

  async function restore(request: Request, response: Response<RestoreReply>): Promise<void> {
    const { check, existing } = readQuery(QUERIES.restore, request.query);
    const body = bodyReader(request);
    const payloadKey = await readPayloadKey(body);
    try {
      const store = await servingStore(options);
      // What is there already must be known before the first change.
      if ((await store.readBarrier(RESTORE_READ_TIMEOUT_MS)) === 'local') {
        throw new CofferError(
          'store.unavailable',
          'no majority of the managers can be reached; nothing was restored',
          {
            hint: 'See which are down: docker coffer node ls',
          },
        );
      }
      const records = openBackup(payloadKey, body);
      response.json(await restoreBackup(store, records, { existing, check: check === '1' }));
    } finally {
      payloadKey.fill(0);
      await body.close();
    }
  }

  return { backup, restore };
}

/** All items of an iterator whose first one was taken already. */
async function* resumed<T>(first: IteratorResult<T>, rest: AsyncIterator<T>): AsyncGenerator<T> {
  for (let next = first; next.done !== true; next = await rest.next()) {
    yield next.value;
  }
}
