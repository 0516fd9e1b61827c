// SPDX-License-Identifier: Apache-2.0
// The routes about the daemon itself: /v1/status, /v1/refusals and /v1/doctor.
import type { RequestHandler } from 'express';
import { unreachable, withDeadline } from '../common/index.ts';
import type { ControlOptions } from './options.ts';
import { QUERIES, readQuery } from './query.ts';
import type { DaemonStatus, DoctorReply, Refusal, RefusalsReply } from './wire.ts';

const STATUS_TIMEOUT_MS = 5_000;
const DOCTOR_TIMEOUT_MS = 10_000;

export function statusRoute({ status }: ControlOptions): RequestHandler {
  return async (request, response) => {
    readQuery(QUERIES.none, request.query);
    const reply: DaemonStatus = await withDeadline(
      Promise.resolve(status()),
      STATUS_TIMEOUT_MS,
      'internal.unexpected',
      'the daemon did not come to know its own state in time',
    );
    response.json(reply);
  };
}

export function refusalsRoute({ refusals }: ControlOptions): RequestHandler {
  return (request, response) => {
    const { name } = readQuery(QUERIES.refusals, request.query);
    const reply: RefusalsReply = {
      refusals: refusals()
        .filter((refusal) => name === undefined || refusedTo(refusal).includes(name))
        .toSorted((a, b) => b.at_ms - a.at_ms),
    };
    response.json(reply);
  };
}

/** The names that a user knows: of the service; of the volume, of containers that mount it, and of their services. */
function refusedTo(refusal: Refusal): readonly string[] {
  switch (refusal.kind) {
    case 'secret':
      return [refusal.service];
    case 'volume':
      return [refusal.volume, ...refusal.users];
    default:
      return unreachable(refusal);
  }
}

export function doctorRoute({ doctor }: ControlOptions): RequestHandler {
  return async (request, response) => {
    readQuery(QUERIES.none, request.query);
    const checks = await withDeadline(
      Promise.resolve(doctor()),
      DOCTOR_TIMEOUT_MS,
      'internal.unexpected',
      'the checks did not end in time',
    );
    const reply: DoctorReply = { checks };
    response.json(reply);
  };
}
