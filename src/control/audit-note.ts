// SPDX-License-Identifier: Apache-2.0
// What a call has come to, in the words of the audit log: told by whoever answers it, written down by auditedRoute.
import type { Response } from 'express';

const KEY = 'auditNote';

export function noteForAudit({ locals }: Pick<Response, 'locals'>, note: string): void {
  locals[KEY] = note;
}

/** Undefined where nothing was told. */
export function auditNoteOf({ locals }: Pick<Response, 'locals'>): string | undefined {
  const note: unknown = locals[KEY];
  return typeof note === 'string' ? note : undefined;
}
