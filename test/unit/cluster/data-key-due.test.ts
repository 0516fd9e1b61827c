// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isRotationDue, nextRotation_ms } from '../../../src/cluster/data-key-due.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MADE_MS = 1_000 * DAY_MS;
const SCHEDULE = { every_ms: 30 * DAY_MS, setAt_ms: 0 };

function keyOf(digits: string): { readonly keyId: string; readonly madeAt_ms: number } {
  return { keyId: digits.padEnd(16, '0'), madeAt_ms: MADE_MS };
}

describe('a data key', () => {
  const table = [
    ['without a schedule stays', keyOf('8'), undefined, undefined],
    ['whose schedule is off stays', keyOf('8'), { every_ms: 0, setAt_ms: 0 }, undefined],
    ['is rotated at its age', keyOf('0'), SCHEDULE, MADE_MS + 30 * DAY_MS],
    ['is rotated a part of a tenth before, as its id says', keyOf('8'), SCHEDULE, MADE_MS + 28.5 * DAY_MS],
    [
      'that is too old when the schedule is set is rotated within the hour after',
      keyOf('8'),
      { every_ms: DAY_MS, setAt_ms: MADE_MS + 50 * DAY_MS },
      MADE_MS + 50 * DAY_MS + HOUR_MS / 2,
    ],
    [
      'that is too old is rotated within a tenth of a short schedule',
      keyOf('8'),
      { every_ms: HOUR_MS, setAt_ms: MADE_MS + 50 * DAY_MS },
      MADE_MS + 50 * DAY_MS + HOUR_MS / 20,
    ],
  ] as const;
  for (const [what, key, schedule, expected] of table) {
    test(what, () => assert.equal(nextRotation_ms(key, schedule), expected));
  }

  test('is due from that moment on, and not before', () => {
    const next_ms = MADE_MS + 28.5 * DAY_MS;
    assert.equal(isRotationDue(keyOf('8'), SCHEDULE, next_ms - 1), false);
    assert.equal(isRotationDue(keyOf('8'), SCHEDULE, next_ms), true);
    assert.equal(isRotationDue(keyOf('8'), undefined, next_ms), false);
  });

  test('is due once after a clock that was wrong: it neither stays for years nor is rotated again and again', () => {
    const now_ms = MADE_MS - 3_650 * DAY_MS;
    assert.equal(isRotationDue(keyOf('8'), SCHEDULE, now_ms), true, 'made in a future that is no more');
    assert.equal(isRotationDue({ ...keyOf('9'), madeAt_ms: now_ms }, SCHEDULE, now_ms), false);
    assert.equal(isRotationDue(keyOf('8'), SCHEDULE, MADE_MS - DAY_MS), false, 'a day means little');
  });

  test('of each of many managers has a moment of its own', () => {
    const moments = ['01', '3f', '7c', 'a0', 'e9'].map((digits) => nextRotation_ms(keyOf(digits), SCHEDULE));
    assert.equal(new Set(moments).size, moments.length);
    for (const moment_ms of moments) {
      assert.ok(moment_ms !== undefined && moment_ms > MADE_MS + 27 * DAY_MS);
      assert.ok(moment_ms <= MADE_MS + 30 * DAY_MS, 'none becomes too old');
    }
  });
});
