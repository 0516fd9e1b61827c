// SPDX-License-Identifier: Apache-2.0
// POST /v1/drill, and what it needs to know of a scheduled backup. As for a restore, what comes here is the key of the
// payload; the payload follows it, or is that of a file which this manager has made.
import type { Request, RequestHandler, Response } from 'express';
import type { DrillSummary } from '../archive/index.ts';
import { ExactReader, openBackup } from '../backup/index.ts';
import { CofferError, type Logger } from '../common/index.ts';
import type { ControlOptions } from './options.ts';
import { ownBackups } from './own-backups.ts';
import { bodyReader, readPayloadKey, requireEnd } from './payload-body.ts';
import { QUERIES, readQuery } from './query.ts';
import type { BackupHeaderReply } from './wire.ts';

/** The answer begins with white space while a drill goes on, so that nobody takes the connection for dead. */
const SIGN_OF_LIFE_MS = 10_000;

export interface DrillRoutes {
  readonly header: RequestHandler;
  readonly drill: RequestHandler;
}

export function drillRoutes(options: ControlOptions): DrillRoutes {
  async function header(request: Request, response: Response<BackupHeaderReply>): Promise<void> {
    const { file } = readQuery(QUERIES.backupHeader, request.query);
    const backup = await (await ownBackups(options)).open(file);
    await backup.close();
    response.json({ header: backup.header.toString('base64'), size: backup.size_bytes });
  }

  async function drill(request: Request, response: Response): Promise<void> {
    const { file, size } = readQuery(QUERIES.drill, request.query);
    const { drills, logger } = options;
    if (drills === undefined) {
      throw new CofferError('store.unavailable', 'this daemon carries out no drills');
    }
    drills.check();
    const body = bodyReader(request);
    const payloadKey = await readPayloadKey(body);
    const ended = new AbortController();
    response.once('close', () => ended.abort());
    try {
      if (file === undefined) {
        const records = openBackup(payloadKey, body);
        await answer(response, logger, drills.run(records, { size_bytes: size, signal: ended.signal }));
        return;
      }
      await requireEnd(body);
      const backup = await (await ownBackups(options)).open(file);
      try {
        const reader = new ExactReader(backup.payload(), backup.header.length);
        const wish = { size_bytes: backup.size_bytes, signal: ended.signal };
        await answer(response, logger, drills.run(openBackup(payloadKey, reader), wish));
      } finally {
        await backup.close();
      }
    } finally {
      payloadKey.fill(0);
      await body.close();
    }
  }

  return { header, drill };
}

async function answer(response: Response, logger: Logger, drill: Promise<DrillSummary>): Promise<void> {
  const alive = setInterval(() => {
    if (!response.headersSent) {
      response.set('Content-Type', 'application/json; charset=utf-8');
    }
    response.write(' ');
  }, SIGN_OF_LIFE_MS);
  try {
    const summary = await drill;
    if (!response.headersSent) {
      response.set('Content-Type', 'application/json; charset=utf-8');
    }
    response.end(JSON.stringify(summary));
    logger.info('a drill has ended', { passed: summary.passed, secrets: summary.secrets });
  } finally {
    clearInterval(alive);
  }
}
