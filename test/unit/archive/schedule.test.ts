// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  isBackupDue,
  lastDue_ms,
  nextDue_ms,
  type ScheduledFile,
  scheduledAt_ms,
  scheduledName,
  surplusFiles,
} from '../../../src/archive/schedule.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NODE = 'n'.repeat(25);
const MIDNIGHT_MS = Date.UTC(2026, 0, 15);
const DAILY = { every_ms: DAY_MS, offset_ms: 3 * HOUR_MS, setAt_ms: 0 };
/** What this node begins later than others. */
const LATER_MS = lastDue_ms(DAILY, NODE, MIDNIGHT_MS + 12 * HOUR_MS) - MIDNIGHT_MS - 3 * HOUR_MS;

function fileAt(createdAt_ms: number): ScheduledFile {
  return { name: scheduledName(createdAt_ms, NODE), createdAt_ms, size_bytes: 1 };
}

describe('the name of a scheduled backup', () => {
  test('tells when it was begun and by whom, and sorts by time', () => {
    const times = [MIDNIGHT_MS, MIDNIGHT_MS + 1_000, MIDNIGHT_MS + DAY_MS, MIDNIGHT_MS + 400 * DAY_MS];
    const names = times.map((at_ms) => scheduledName(at_ms, NODE));
    assert.equal(names[1], `coffer-20260115T000001Z-${NODE}.backup`);
    assert.deepEqual(names.toSorted(), names);
    assert.deepEqual(
      names.map((name) => scheduledAt_ms(name, NODE)),
      times,
    );
  });

  for (const name of [
    `coffer-20260115T000001Z-${'m'.repeat(25)}.backup`,
    `coffer-20260115T000001Z-${NODE}.backup.partial`,
    `coffer-20261315T000001Z-${NODE}.backup`,
    `coffer-20260115T000001Z.backup`,
    'secrets.backup',
    '../secrets',
  ]) {
    test(`is not ${name}`, () => assert.equal(scheduledAt_ms(name, NODE), undefined));
  }
});

describe('a backup', () => {
  const at = (hours: number): number => MIDNIGHT_MS + LATER_MS + hours * HOUR_MS;
  const yesterday = fileAt(at(-21));
  const table = [
    ['is due when there is none yet', [], at(1), true],
    ['is not due before its time', [yesterday], at(3) - 1, false],
    ['is due at its time', [yesterday], at(3), true],
    ['that was made at its time is due no longer', [yesterday, fileAt(at(3))], at(3) + 1, false],
    ['that was missed is made up for', [yesterday], at(17), true],
    ['that was made up for is due the next day', [fileAt(at(17))], at(26), false],
    ['that was made up for is due the next day at its time', [fileAt(at(17))], at(27), true],
    ['of the future says nothing', [fileAt(at(1_000))], at(4), true],
    ['of a clock that was set by seconds is one of now', [fileAt(at(4) + 30_000)], at(4), false],
  ] as const;
  for (const [what, files, now_ms, expected] of table) {
    test(what, () => assert.equal(isBackupDue(DAILY, NODE, files, now_ms), expected));
  }

  test('is due at once when the schedule is set, and not again at the same second', () => {
    const set = { ...DAILY, setAt_ms: at(10) + 700 };
    assert.equal(isBackupDue(set, NODE, [fileAt(at(3))], at(10) + 700), true);
    const made = fileAt(Math.floor((at(10) + 700) / 1_000) * 1_000);
    assert.equal(isBackupDue(set, NODE, [made], at(10) + 900), false);
    assert.equal(isBackupDue(set, NODE, [fileAt(at(3))], at(9)), false, 'set by a clock that is ahead');
  });

  test('that was made when the schedule was set stands for a period that begins shortly after it', () => {
    const set = { ...DAILY, setAt_ms: at(3) - 10_000 };
    const first = fileAt(set.setAt_ms);
    assert.equal(isBackupDue(set, NODE, [first], at(3) + 1), false);
    assert.equal(nextDue_ms(set, NODE, at(3) - 5_000), at(27));
    assert.equal(nextDue_ms(set, NODE, at(3) + 5_000), at(27));
    assert.equal(isBackupDue(set, NODE, [first], at(27)), true);
    const early = { ...DAILY, setAt_ms: at(3) - 7 * HOUR_MS };
    assert.equal(nextDue_ms(early, NODE, at(3) - 1), at(3), 'a quarter of the period is enough');
    assert.equal(isBackupDue(early, NODE, [fileAt(early.setAt_ms)], at(3)), true);
  });

  test('is next due a period after the last time, at a moment that belongs to the node', () => {
    assert.equal(nextDue_ms(DAILY, NODE, at(3)), at(27));
    assert.equal(nextDue_ms(DAILY, NODE, at(3) - 1), at(3));
    const moments = ['a', 'b', 'c', 'd', 'e'].map((node) => nextDue_ms(DAILY, node, MIDNIGHT_MS));
    assert.equal(new Set(moments).size, moments.length);
    for (const moment_ms of moments) {
      const late_ms = moment_ms - MIDNIGHT_MS - 3 * HOUR_MS;
      assert.ok(late_ms >= 0 && late_ms < 10 * 60_000, String(late_ms));
    }
    const often = { every_ms: 60_000, offset_ms: 0, setAt_ms: 0 };
    assert.ok(nextDue_ms(often, NODE, MIDNIGHT_MS) - MIDNIGHT_MS <= 60_000);
  });
});

describe('of the files that the schedule has made', () => {
  const days = (...numbers: readonly number[]): readonly ScheduledFile[] =>
    numbers.map((day) => fileAt(MIDNIGHT_MS + day * DAY_MS));
  const now_ms = MIDNIGHT_MS + 10 * DAY_MS;
  const table = [
    ['none goes while there are as many as are kept', days(7, 8, 9), 3, days()],
    ['the oldest go', days(9, 7, 6, 8), 2, days(6, 7)],
    ['the last one stays', days(1), 0, days()],
    ['those of the future push out no other', days(20, 21, 22, 8, 9), 2, days(20)],
    ['those of the future alone are as many as are kept', days(20, 21, 22), 1, days(20, 21)],
  ] as const;
  for (const [what, files, keep, expected] of table) {
    test(what, () => assert.deepEqual(surplusFiles(files, keep, now_ms), expected));
  }
});
