// SPDX-License-Identifier: Apache-2.0
// The routes under /v1/audit.
import type { Request, RequestHandler, Response } from 'express';
import { CofferError, withDeadline } from '../common/index.ts';
import { noteForAudit } from './audit-note.ts';
import type { AuditAcknowledgeReply, AuditAdmin, AuditReply, AuditVerifyReply } from './audit-wire.ts';
import { BODIES, readJson } from './json-body.ts';
import type { ControlOptions } from './options.ts';
import { QUERIES, readQuery } from './query.ts';
import { changing } from './serving-cluster.ts';

const TAIL_DEFAULT = 1_000;
/** Of some hundred megabytes. */
const READ_TIMEOUT_MS = 25_000;

export interface AuditRoutes {
  readonly select: RequestHandler;
  readonly verify: RequestHandler;
  readonly acknowledge: RequestHandler;
}

export function auditRoutes({ audit }: ControlOptions): AuditRoutes {
  async function select(request: Request, response: Response<AuditReply>): Promise<void> {
    const { event, secret, since_ms, tail = TAIL_DEFAULT } = readQuery(QUERIES.audit, request.query);
    const records = await reading(present(audit).select({ event, secret, since_ms, tail }));
    response.json({ records });
  }

  async function verify(request: Request, response: Response<AuditVerifyReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    response.json(await reading(present(audit).verify()));
  }

  async function acknowledge(request: Request, response: Response<AuditAcknowledgeReply>): Promise<void> {
    readQuery(QUERIES.none, request.query);
    const wish = await readJson(request, BODIES.lostRecord);
    const { at_ms, seq } = await changing(present(audit).acknowledge(wish));
    noteForAudit(response, `record ${seq}, signed at ${new Date(at_ms).toISOString()}, is known to be lost`);
    response.json({ lost: { seq, at_ms } });
  }

  return { select, verify, acknowledge };
}

function present(audit: AuditAdmin | undefined): AuditAdmin {
  if (audit === undefined) {
    throw new CofferError('request.not-found', 'this daemon keeps no audit log');
  }
  return audit;
}

function reading<T>(work: Promise<T>): Promise<T> {
  const sentence = `the audit log was not read in ${READ_TIMEOUT_MS / 1_000} s`;
  return withDeadline(work, READ_TIMEOUT_MS, 'store.timeout', sentence);
}
