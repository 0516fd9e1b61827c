// SPDX-License-Identifier: Apache-2.0
// Drills from the command line: yes or no, why, and nothing of a value.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { BackupDirectory, Drills, ScheduledBackups } from '../../../src/archive/index.ts';
import { silentLogger } from '../../../src/common/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { aBackupSchedule } from '../../support/cluster-objects.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { putValue } from '../../support/test-store.ts';
import { type Cli, NOW_MS, withCli } from './cli-harness.ts';

const DAY_MS = 86_400_000;
const VALUE = 'canary of the drill';

let temporary: TemporaryDirectory;
/** The sandbox's own timers keep no process alive. */
let alive: NodeJS.Timeout;

beforeEach(() => {
  alive = setInterval(() => undefined, 1_000);
  temporary = temporaryDirectory();
});
afterEach(() => {
  clearInterval(alive);
  temporary.remove();
});

interface Scheduled {
  readonly cli: Cli;
  readonly key: string;
  /** The newest file of the schedule. */
  readonly file: () => string;
}

/** A daemon with two secrets and a schedule, whose first backup was made at `made_ms`. */
async function withSchedule(made_ms: number, work: (scheduled: Scheduled) => Promise<void>): Promise<void> {
  const store = new MemoryStore();
  const directory = path.join(temporary.path, 'backups');
  const backups = new ScheduledBackups({
    store: () => store,
    directory: new BackupDirectory({ path: directory, mayBeMade: true, reserve_bytes: 0 }),
    version: '1',
    now_ms: () => made_ms,
    monotonic_ms: () => 0,
    logger: silentLogger,
  });
  const stateDirectory = temporary.path;
  const drills = new Drills({ stateDirectory, monotonic_ms: () => performance.now(), logger: silentLogger });
  await withCli({ store: () => store, backups, drills }, async ({ cli }) => {
    const key = path.join(temporary.path, 'key');
    const recipient = (await cli(['backup-key', key])).stdout.trim();
    await putValue(store, 'one', Buffer.from(VALUE));
    await putValue(store, 'two', Buffer.alloc(100_000, 1));
    const schedule = aBackupSchedule({ recipients: [recipient], setAt_ms: made_ms });
    await store.propose({ kind: 'set-backup-schedule', schedule });
    await backups.look();
    const file = (): string => path.join(directory, readdirSync(directory).sort().at(-1) ?? '');
    await work({ cli, key, file });
  });
}

test('drill says yes to the newest scheduled backup, with what was in it and how old it is', async () => {
  await withSchedule(NOW_MS, async ({ cli, file, key }) => {
    const { code, stderr, stdout } = await cli(['drill', '--identity', key]);
    assert.deepEqual([code, stderr], [0, '']);
    const name = path.basename(file());
    assert.ok(stdout.startsWith(`yes: ${name} can be restored; it was made about a minute ago\n`), stdout);
    assert.match(stdout, /\n2 secrets, 2 versions \(100kB\) were restored into a sandbox .*; it took .*\n$/);
    const json = await cli(['drill', '--identity', key, '--format', 'json', file()]);
    assert.ok(!json.stdout.includes(VALUE));
    const reply = JSON.parse(json.stdout) as Readonly<Record<string, unknown>>;
    assert.deepEqual(
      [reply['Passed'], reply['Secrets'], reply['Versions'], reply['OlderThanSchedule']],
      [true, 2, 2, false],
    );
  });
});

test('drill warns of a file that is older than the schedule would have it', async () => {
  await withSchedule(NOW_MS - 3 * DAY_MS, async ({ cli, key }) => {
    const { code, stderr } = await cli(['drill', '--identity', key]);
    assert.equal(code, 0);
    assert.match(
      stderr,
      /WARNING: the file is older than the schedule would have it, .* daily at 03:00 UTC\n/,
    );
  });
});

test('drill says no to a file that is damaged, foreign or none at all, and why', async () => {
  await withSchedule(NOW_MS, async ({ cli, file, key }) => {
    const whole = readFileSync(file());
    const damaged = Buffer.from(whole);
    damaged.writeUInt8(damaged.readUInt8(whole.length - 2_000) ^ 1, whole.length - 2_000);
    writeFileSync(file(), damaged);
    const scheduled = await cli(['drill', '--identity', key]);
    assert.equal(scheduled.code, 1);
    assert.match(
      scheduled.stdout,
      /^no: coffer-.* cannot be restored: the backup was altered in chunk \d+, at byte/,
    );
    const other = path.join(temporary.path, 'other-key');
    await cli(['backup-key', other]);
    const foreign = await cli(['drill', '--identity', other, file()]);
    assert.equal(foreign.code, 1);
    assert.match(foreign.stdout, /^no: .*: the backup was not sealed to the recipient of this identity\n$/);
    writeFileSync(file(), 'no backup');
    const none = await cli(['drill', '--identity', key]);
    assert.deepEqual([none.code, none.stdout], [2, '']);
    const head = path.join(temporary.path, 'head');
    writeFileSync(head, whole.subarray(0, 60));
    const cut = await cli(['drill', '--identity', key, head]);
    assert.equal(cut.code, 1);
    assert.match(cut.stdout, /^no: .* cannot be restored: the backup was cut off/);
  });
});

test('drill without a schedule or without a key says what to type', async () => {
  await withSchedule(NOW_MS, async ({ cli }) => {
    const { code, stderr } = await cli(['drill']);
    assert.equal(code, 1);
    assert.match(stderr, /it opens with the identity of one of them\nName its file: --identity FILE/);
  });
  const none = { directory: '/d', running: false, files: [] };
  const backups = { describe: async () => none, open: () => assert.fail('none is there') };
  await withCli({ backups }, async ({ cli }) => {
    const { code, stderr } = await cli(['drill', '--identity', 'key']);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /the schedule has made no backup on this manager yet\nName a FILE, or set a schedule/,
    );
  });
});
