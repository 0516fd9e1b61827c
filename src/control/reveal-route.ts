// SPDX-License-Identifier: Apache-2.0
// The route that shows a value.
import { finished } from 'node:stream';
import type { Request, RequestHandler, Response } from 'express';
import { currentVersion, findVersion, requireOrdinaryName } from '../secrets/index.ts';
import { findSecret } from './find-secret.ts';
import type { ControlOptions } from './options.ts';
import { reference } from './path-parameter.ts';
import { QUERIES, readQuery } from './query.ts';
import { servingStore } from './serving-store.ts';

const READ_TIMEOUT_MS = 1_000;
const VERSION_HEADER = 'coffer-secret-version';
const FRESHNESS_HEADER = 'coffer-freshness';

/** The value of a version, byte for byte. That it was shown is written down first. */
export function revealRoute(options: ControlOptions): RequestHandler {
  return async (request: Request, response: Response) => {
    const { version } = readQuery(QUERIES.reveal, request.query);
    const auditor = options.audit?.auditor;
    const store = await servingStore(options);
    const freshness = await store.readBarrier(READ_TIMEOUT_MS);
    const secret = findSecret(store, reference(request));
    requireOrdinaryName(secret.name);
    const { number } = version === undefined ? currentVersion(secret) : findVersion(secret, version);
    // First: what cannot be written down is not shown.
    auditor?.requireWritable();
    const value = store.readValue(secret.id, number);
    finished(response, () => value.wipe());
    auditor?.record('reveal', { secret: secret.name, version: number, by: 'control' });
    options.logger.info('revealed a value', { secret: secret.name, version: number });
    response.set('Content-Type', 'application/octet-stream');
    response.set(VERSION_HEADER, String(number)).set(FRESHNESS_HEADER, freshness);
    response.end(value.expose());
  };
}
