// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ScheduledBackupsReply } from '../../../src/control/index.ts';
import { backupChecks, rotationChecks, unlockKeyChecks } from '../../../src/daemon/doctor-upkeep.ts';

const DAY_MS = 86_400_000;
const NOW_MS = 1_000 * DAY_MS;
const KEY = { id: 'ab'.repeat(8), sealed: true };
const schedule = { every_ms: DAY_MS, offset_ms: 0, recipients: ['r'], keep: 3 };

function backups(over: Partial<ScheduledBackupsReply> = {}): ScheduledBackupsReply {
  const files = [{ name: 'newest', createdAt_ms: NOW_MS - DAY_MS, size: 1 }];
  return { directory: '/backups', schedule, running: false, files, ...over };
}

describe('doctor tells of a data key', () => {
  test('nothing while its rotation goes on or has come to its end', () => {
    assert.deepEqual(rotationChecks(KEY), []);
    assert.deepEqual(rotationChecks({ ...KEY, rotation: { resealed: 7 }, still_ms: 1_000 }), []);
  });

  test('whose rotation has failed', () => {
    const [check, ...others] = rotationChecks({ ...KEY, problem: 'the disk is full' });
    assert.deepEqual([check?.level, others], ['warning', []]);
    assert.match(check?.message ?? '', /its last rotation failed: the disk is full/);
    assert.match(check?.mend ?? '', /docker coffer data-key --rotate/);
  });

  test('whose rotation hangs', () => {
    const [check] = rotationChecks({ ...KEY, rotation: { resealed: 7 }, still_ms: 11 * 60_000 });
    assert.match(check?.message ?? '', /hangs: it has sealed 7 records anew, and none for 11 minutes/);
  });
});

test('doctor tells of a file with an unlock key that would not open the next start', () => {
  const [check] = unlockKeyChecks([{ name: 'COFFER_UNLOCK_KEY_FILE', file: '/key', isOptional: false }]);
  assert.equal(check?.level, 'warning');
  assert.match(check?.message ?? '', /COFFER_UNLOCK_KEY_FILE \(\/key\) does not hold the unlock key/);
  assert.equal(check?.mend, 'Write the present key there: docker coffer unlock-key -q > /key');
  assert.deepEqual(unlockKeyChecks([]), []);
});

describe('doctor tells of scheduled backups', () => {
  const table = [
    ['nothing without a schedule', backups({ schedule: undefined }), undefined, /^$/],
    ['that all is well', backups(), 'ok', /1 scheduled backup in \/backups; the newest is newest/],
    ['that one is being written', backups({ running: true, files: [] }), 'ok', /one is being written/],
    ['that none was made yet', backups({ files: [] }), 'warning', /older than the schedule would have it/],
    [
      'that the newest is too old',
      backups({ files: [{ name: 'old', createdAt_ms: NOW_MS - 2 * DAY_MS, size: 1 }] }),
      'warning',
      /older than the schedule would have it; 1 scheduled backup/,
    ],
    [
      'that the last one was not written',
      backups({ failure: { failedAt_ms: NOW_MS, message: 'no room' } }),
      'failure',
      /was not written: no room; 1 scheduled backup in/,
    ],
  ] as const;
  for (const [what, reply, level, message] of table) {
    test(what, () => {
      const [check] = backupChecks(reply, NOW_MS);
      assert.equal(check?.level, level);
      assert.match(check?.message ?? '', message);
    });
  }
});
