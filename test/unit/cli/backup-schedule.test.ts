// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatRecipient, newIdentity, recipientOf } from '../../../src/backup/index.ts';
import type { ControlOptions, ScheduledBackupsReply } from '../../../src/control/index.ts';
import { STATUS } from '../control/control-harness.ts';
import { NOW_MS, withCli, withClusterCli } from './cli-harness.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const RECIPIENT = formatRecipient(recipientOf(newIdentity()));

const MADE: ScheduledBackupsReply = {
  directory: '/var/lib/coffer/backups',
  schedule: { every_ms: DAY_MS, offset_ms: 3 * HOUR_MS, recipients: [RECIPIENT], keep: 14 },
  nextAt_ms: NOW_MS + 90_000 + 5 * HOUR_MS,
  running: false,
  files: [{ name: 'coffer-20260115T030000Z-n.backup', createdAt_ms: NOW_MS - 9 * HOUR_MS, size: 1_500 }],
};

function backupsOf(reply: ScheduledBackupsReply): NonNullable<ControlOptions['backups']> {
  return { describe: async () => reply, open: () => assert.fail('none is opened') };
}

test('backup --schedule has the managers write backups at a time, or so often, or no longer', async () => {
  await withClusterCli(async ({ cli, cluster }) => {
    const daily = await cli(['backup', '--schedule', '03:00', '--recipient', RECIPIENT, '--keep', '7']);
    assert.deepEqual([daily.code, daily.stderr], [0, '']);
    assert.equal(
      daily.stdout,
      'Each manager writes a backup daily at 03:00 UTC, sealed to 1 recipient, and keeps 7.\n' +
        'The first is written now. See how it ends: coffer backup-ls\n',
    );
    assert.match((await cli(['cluster'])).stdout, /\nBackups: +daily at 03:00 UTC on each manager, 7 kept\n/);
    const often = await cli(['backup', '--schedule', '90m', '--recipient', RECIPIENT]);
    assert.match(often.stdout, /^Each manager writes a backup every 1h30m, .*, and keeps 14\.\n/);
    const off = await cli(['backup', '--schedule', 'off', '--format', 'json']);
    assert.deepEqual(JSON.parse(off.stdout), {});
    const recipients = [RECIPIENT];
    assert.deepEqual(cluster.calls, [
      `setBackupSchedule ${JSON.stringify({ every_ms: DAY_MS, offset_ms: 3 * HOUR_MS, recipients, keep: 7 })}`,
      `setBackupSchedule ${JSON.stringify({ every_ms: 1.5 * HOUR_MS, recipients, keep: 14 })}`,
      'setBackupSchedule "off"',
    ]);
  });
});

test('a schedule that cannot be kept is refused with what to type, and changes nothing', async () => {
  await withClusterCli(async ({ cli, cluster }) => {
    const table = [
      [
        ['--schedule', '24h'],
        /a schedule needs a recipient: nobody is there to type a passphrase\nMake one: /,
      ],
      [['--schedule', '24h', '--passphrase-file', 'p'], /cannot be used with option '--passphrase-file/],
      [['--schedule', '25:00', '--recipient', RECIPIENT], /It is a time of the day \(UTC\) such as 03:00/],
      [['--schedule', '10s', '--recipient', RECIPIENT], /It is a time of the day/],
      [['--schedule', '24h', '--recipient', `${RECIPIENT}0`], /this is no recipient of a backup/],
      [['--schedule', '24h', '--recipient', RECIPIENT, 'file'], /a schedule takes no FILE/],
      [['--schedule', 'off', '--recipient', RECIPIENT], /off has no recipients/],
      [['--schedule', '24h', '--recipient', RECIPIENT, '--keep', '0'], /It is a number from 1 to 10000/],
      [['--keep', '3', 'file'], /--keep goes with --schedule/],
      [[], /missing required argument 'file'/],
    ] as const;
    for (const [words, why] of table) {
      const { code, stderr, stdout } = await cli(['backup', ...words]);
      assert.deepEqual([code, stdout], [1, ''], words.join(' '));
      assert.match(stderr, why);
    }
    assert.deepEqual(cluster.calls, []);
  });
});

test('backup-ls without a file lists what this manager has made by itself, and what comes next', async () => {
  await withCli({ backups: backupsOf(MADE) }, async ({ cli }) => {
    const { code, stdout } = await cli(['backup-ls']);
    assert.equal(code, 0);
    assert.equal(
      stdout,
      [
        'Schedule:  daily at 03:00 UTC, 14 kept',
        'Directory: /var/lib/coffer/backups',
        'Last:      written 9 hours ago',
        'Next:      in 5 hours',
        'NAME                               CREATED       SIZE',
        'coffer-20260115T030000Z-n.backup   9 hours ago   1.5kB',
        '',
      ].join('\n'),
    );
    const json = JSON.parse((await cli(['backup-ls', '--format', 'json'])).stdout) as {
      readonly Files: readonly unknown[];
    };
    assert.deepEqual(json.Files, [
      { Name: 'coffer-20260115T030000Z-n.backup', CreatedAt: '2026-01-15T03:00:00.000Z', Size: 1_500 },
    ]);
    assert.equal((await cli(['backup-ls', '--identity', 'key'])).code, 1);
  });
});

test('backup-ls and status tell that the last backup was not written, and why', async () => {
  const failure = { failedAt_ms: NOW_MS, message: 'there is no directory /mnt/backups', hint: 'Mount it.' };
  const upkeep = {
    dataKeyMadeAt_ms: NOW_MS - 3 * DAY_MS,
    dataKeyNextAt_ms: NOW_MS + 30 * DAY_MS,
    backups: { lastAt_ms: NOW_MS - DAY_MS, nextAt_ms: NOW_MS, problem: failure.message },
    rotations: [],
  };
  const overrides = {
    backups: backupsOf({ ...MADE, failure }),
    status: () => ({ ...STATUS, upkeep }),
  };
  await withCli(overrides, async ({ cli }) => {
    const listed = await cli(['backup-ls']);
    assert.equal(listed.code, 2);
    assert.match(listed.stdout, /\nLast: +not written about a minute ago, and tried again by itself\n/);
    assert.match(listed.stdout, /coffer-20260115T030000Z/);
    assert.match(
      listed.stderr,
      /the last backup was not written: there is no directory \/mnt\/backups\nMount it\.\n/,
    );
    const json = await cli(['backup-ls', '--format', 'json']);
    assert.deepEqual([json.code, json.stderr], [2, listed.stderr], 'the form makes no difference');
    const { stdout } = await cli(['status']);
    assert.match(stdout, /\nData key made: +3 days ago, it is rotated in 4 weeks\n/);
    assert.match(
      stdout,
      /\nBackups: +the newest 24 hours ago; the last one was not written, .*: there is no dir/,
    );
  });
});

test('a manager without a schedule says so', async () => {
  const none = { directory: '/d', running: false, files: [] };
  await withCli({ backups: backupsOf(none) }, async ({ cli }) => {
    assert.equal((await cli(['backup-ls'])).stdout, 'Schedule:  none\nDirectory: /d\n');
  });
});
