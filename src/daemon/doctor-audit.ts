// SPDX-License-Identifier: Apache-2.0
// What the doctor says of the audit log.
import type { AuditStatus, Check } from '../control/index.ts';

export function auditChecks(audit: AuditStatus | undefined, lostSeq: number | undefined): readonly Check[] {
  const name = 'audit log';
  if (audit === undefined) {
    return [];
  }
  const { problems, sinks, stopsDeliveries } = audit;
  if (sinks.length === 0) {
    return [{ name, level: 'ok', message: 'it is off (COFFER_AUDIT=off): nothing is written down' }];
  }
  if (problems.length > 0) {
    const what = `it cannot be written (${problems.join('; ')})`;
    return [
      {
        name,
        level: stopsDeliveries ? 'failure' : 'warning',
        message: stopsDeliveries ? `${what}, and no secret is delivered` : what,
        mend: 'Make room, or mend what is named; it goes on by itself.',
      },
    ];
  }
  // Without files there is nothing in which to find out more.
  if (lostSeq !== undefined && sinks.includes('file')) {
    return [
      {
        name,
        level: 'failure',
        message: `record ${lostSeq} was signed, and was not in it any more when coffer started`,
        mend: 'Find out who has changed or deleted it, then say so: docker coffer audit verify --acknowledge',
      },
    ];
  }
  return [{ name, level: 'ok', message: `it is written (${sinks.join(', ')})` }];
}
