// SPDX-License-Identifier: Apache-2.0
// When a manager's data key is to be rotated. Pure: what time it is, it is told.
import type { DataKeyReportObject, DataKeyScheduleObject } from '../membership/index.ts';

/** How much earlier than its time a key may be rotated: a part of that time. */
const JITTER = 1 / 10;
/** After a schedule was set, keys that are too old by it are rotated within this time. */
const CATCH_UP_MS = 60 * 60 * 1_000;
const DIGITS = 8;

/**
 * When the key that the report is of is to be rotated; undefined while there is no schedule. No key becomes older than the
 * schedule says; each comes a little before that, by a part that its id decides, so that not all managers are at it at once.
 */
export function nextRotation_ms(
  { keyId, madeAt_ms }: Pick<DataKeyReportObject, 'keyId' | 'madeAt_ms'>,
  schedule: Pick<DataKeyScheduleObject, 'every_ms' | 'setAt_ms'> | undefined,
): number | undefined {
  if (schedule === undefined || schedule.every_ms === 0) {
    return undefined;
  }
  const { every_ms, setAt_ms } = schedule;
  const share = shareOf(keyId);
  const next_ms = madeAt_ms + every_ms - share * JITTER * every_ms;
  return Math.round(Math.max(next_ms, setAt_ms + share * Math.min(JITTER * every_ms, CATCH_UP_MS)));
}

/** Whether it is time. A key from the future was made while the clock was wrong, and counts as too old. */
export function isRotationDue(
  report: Pick<DataKeyReportObject, 'keyId' | 'madeAt_ms'>,
  schedule: Pick<DataKeyScheduleObject, 'every_ms' | 'setAt_ms'> | undefined,
  now_ms: number,
): boolean {
  const next_ms = nextRotation_ms(report, schedule);
  if (schedule === undefined || next_ms === undefined) {
    return false;
  }
  return now_ms >= next_ms || report.madeAt_ms > now_ms + schedule.every_ms;
}

/** From 0 to below 1. A key's id is a hash. */
function shareOf(keyId: string): number {
  const digits = Number.parseInt(keyId.slice(0, DIGITS), 16);
  return Number.isNaN(digits) ? 0 : digits / 16 ** DIGITS;
}
