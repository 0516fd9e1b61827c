// SPDX-License-Identifier: Apache-2.0
// The route /v1/ledger.
import type { Request, RequestHandler, Response } from 'express';
import { CofferError, withDeadline } from '../common/index.ts';
import { nameKey } from '../secrets/index.ts';
import type { SecretStore } from '../store/index.ts';
import type { Ledger, LedgerReply } from './ledger-wire.ts';
import type { ControlOptions } from './options.ts';
import { QUERIES, readQuery } from './query.ts';
import { servingStore } from './serving-store.ts';

const READ_TIMEOUT_MS = 1_000;
const LEDGER_TIMEOUT_MS = 10_000;

/** Who holds which secret. */
export function ledgerRoute(options: ControlOptions): RequestHandler {
  return async (request: Request, response: Response<LedgerReply>) => {
    const { secret } = readQuery(QUERIES.ledger, request.query);
    const store = await servingStore(options);
    const freshness = await store.readBarrier(READ_TIMEOUT_MS);
    const ledger = await withDeadline(
      options.ledger(),
      LEDGER_TIMEOUT_MS,
      'engine.unreachable',
      `it was not known in ${LEDGER_TIMEOUT_MS / 1_000} s what runs`,
    );
    response.json({ ...(secret === undefined ? ledger : ofSecret(ledger, secret, store)), freshness });
  };
}

/** A name that is mistaken must not look as if nobody held that secret. */
function ofSecret({ entries, gaps }: Ledger, name: string, store: SecretStore): Ledger {
  const own = entries.filter(({ secret }) => nameKey(secret) === nameKey(name));
  if (own.length === 0 && store.byName(name) === undefined) {
    throw new CofferError('secret.not-found', `coffer holds no secret ${name}, and nobody has one`, {
      hint: 'List the secrets with: docker coffer ls',
    });
  }
  return { entries: own, gaps };
}
