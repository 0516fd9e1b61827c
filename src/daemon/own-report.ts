// SPDX-License-Identifier: Apache-2.0
// What this manager tells whoever asks why: what it has refused, and how it is.
import {
  type ManagerReport,
  REPORT_TEXT_MAX,
  REPORTED_REFUSALS_MAX,
  type ReportedRefusal,
} from '../cluster/index.ts';
import { unreachable } from '../common/index.ts';
import type { Refused } from '../plugin/index.ts';

export interface OwnReportOptions {
  /** Oldest first. */
  readonly refusals: readonly Refused[];
  readonly driverName: string;
  readonly auditProblem: string | undefined;
  readonly now_ms: number;
}

export function ownReport({ auditProblem, driverName, now_ms, refusals }: OwnReportOptions): ManagerReport {
  return {
    now_ms,
    driverName: short(driverName),
    auditProblem: auditProblem === undefined ? undefined : short(auditProblem),
    refusals: together(refusals),
  };
}

/** A task is tried again every few seconds: of refusals of one thing for one reason the last stands for all. */
function together(refusals: readonly Refused[]): readonly ReportedRefusal[] {
  const byKey = new Map<string, ReportedRefusal>();
  for (const refused of refusals.toReversed()) {
    const key = keyOf(refused);
    const newer = byKey.get(key);
    if (newer !== undefined) {
      byKey.set(key, { ...newer, count: newer.count + 1 });
    } else if (byKey.size < REPORTED_REFUSALS_MAX) {
      byKey.set(key, described(refused));
    }
  }
  return [...byKey.values()];
}

function keyOf(refused: Refused): string {
  const { code } = refused.error;
  switch (refused.kind) {
    case 'secret':
      return JSON.stringify([refused.serviceId, refused.service, refused.secret, code]);
    case 'volume':
      return JSON.stringify([refused.volume, code]);
    default:
      return unreachable(refused);
  }
}

function described(refused: Refused): ReportedRefusal {
  const { at_ms, error } = refused;
  const hint = error.hint === undefined ? {} : { hint: short(error.hint) };
  const reason = { at_ms, code: error.code, message: short(error.detail), ...hint, count: 1 };
  switch (refused.kind) {
    case 'secret': {
      const { secret, service, serviceId, task, taskId } = refused;
      return { kind: 'secret', service, serviceId, task: task === '' ? taskId : task, secret, ...reason };
    }
    case 'volume':
      return { kind: 'volume', volume: refused.volume, users: refused.users, ...reason };
    default:
      return unreachable(refused);
  }
}

function short(text: string): string {
  return text.slice(0, REPORT_TEXT_MAX);
}
