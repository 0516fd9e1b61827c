// SPDX-License-Identifier: Apache-2.0
// The backups that a manager makes by itself, with a clock that the test sets.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { BackupDirectory, ScheduledBackups } from '../../../src/archive/index.ts';
import {
  ExactReader,
  formatRecipient,
  type Identity,
  newIdentity,
  openBackup,
  openHeader,
  readHeader,
  recipientOf,
} from '../../../src/backup/index.ts';
import { CofferError, silentLogger } from '../../../src/common/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { aBackupSchedule, DAY_MS, HOUR_MS } from '../../support/cluster-objects.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { SmallDisk, whyNoSmallDisk } from '../../support/small-disk.ts';
import { putValue } from '../../support/test-store.ts';

const START_MS = Date.UTC(2026, 0, 15, 12);

let temporary: TemporaryDirectory;
let directory: string;
let store: MemoryStore;
let identity: Identity;
let now_ms: number;
let monotonic_ms: number;
/** What works at a measured pace keeps no process alive. */
let alive: NodeJS.Timeout;

beforeEach(async () => {
  alive = setInterval(() => undefined, 1_000);
  temporary = temporaryDirectory();
  directory = path.join(temporary.path, 'backups');
  store = new MemoryStore();
  identity = newIdentity();
  now_ms = START_MS;
  monotonic_ms = 1_000;
  await putValue(store, 'name', Buffer.from('value'));
});
afterEach(() => {
  clearInterval(alive);
  temporary.remove();
});

function keeper(mayBeMade = true): ScheduledBackups {
  return new ScheduledBackups({
    store: () => store,
    directory: new BackupDirectory({ path: directory, mayBeMade, reserve_bytes: 0 }),
    version: '1.2.3',
    now_ms: () => now_ms,
    monotonic_ms: () => monotonic_ms,
    logger: silentLogger,
  });
}

async function schedule(): Promise<void> {
  const recipients = [formatRecipient(recipientOf(identity))];
  const set = aBackupSchedule({ recipients, keep: 3, setAt_ms: now_ms });
  await store.propose({ kind: 'set-backup-schedule', schedule: set });
}

function pass(hours: number): void {
  now_ms += hours * HOUR_MS;
  monotonic_ms += hours * HOUR_MS;
}

function names(): readonly string[] {
  return readdirSync(directory).sort();
}

async function valuesIn(name: string): Promise<readonly string[]> {
  const reader = new ExactReader(Readable.from([readFileSync(path.join(directory, name))]));
  const payloadKey = await openHeader(await readHeader(reader), { identity });
  const values: string[] = [];
  for await (const record of openBackup(payloadKey, reader)) {
    if (record.kind === 'value') {
      values.push(record.bytes.toString());
    }
  }
  return values;
}

describe('scheduled backups', () => {
  test('are made once the schedule is set, open with the identity, and are for their owner alone', async () => {
    const backups = keeper();
    await backups.look();
    assert.equal(
      statSync(directory, { throwIfNoEntry: false }),
      undefined,
      'without a schedule nothing is made',
    );
    await schedule();
    await backups.look();
    const [name = '', ...others] = names();
    assert.deepEqual(others, []);
    assert.match(name, /^coffer-20260115T120000Z-\w+\.backup$/);
    assert.deepEqual(await valuesIn(name), ['value']);
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    assert.equal(statSync(path.join(directory, name)).mode & 0o777, 0o600);
    const { failure, files, nextAt_ms = 0, running } = await backups.describe();
    assert.deepEqual([failure, running], [undefined, false]);
    assert.deepEqual(
      files.map((file) => [file.name, file.createdAt_ms]),
      [[name, START_MS]],
    );
    assert.ok(nextAt_ms > START_MS + 14 * HOUR_MS && nextAt_ms < START_MS + 16 * HOUR_MS);
  });

  test('follow day by day; the oldest go, and nothing that the schedule has not made', async () => {
    await schedule();
    const backups = keeper();
    mkdirSync(directory);
    const [file] = [path.join(directory, 'coffer-20200101T000000Z-other.backup')];
    writeFileSync(file ?? '', 'of another node');
    writeFileSync(path.join(directory, 'secrets.backup'), 'made by hand');
    symlinkSync('secrets.backup', path.join(directory, 'coffer-20200101T000000Z-link.backup'));
    for (let day = 0; day < 6; day += 1) {
      await backups.look();
      await backups.look();
      pass(24);
    }
    const made = names().filter((name) => name.startsWith('coffer-2026'));
    assert.deepEqual(
      made.map((name) => name.slice(0, 15)),
      ['coffer-20260118', 'coffer-20260119', 'coffer-20260120'],
    );
    assert.equal(names().length, made.length + 3);
  });

  test('that were missed are made up for by the next process, once', async () => {
    await schedule();
    await keeper().look();
    pass(24 * 30);
    const next = keeper();
    await next.look();
    await next.look();
    assert.equal(names().length, 2);
  });

  test('are neither a flood nor silent when the clock jumps to and fro', async () => {
    await schedule();
    const backups = keeper();
    for (let jump = 0; jump < 20; jump += 1) {
      now_ms = START_MS + (jump % 2) * 400 * DAY_MS;
      monotonic_ms += 60_000;
      await backups.look();
    }
    assert.ok(names().length <= 2, 'twenty jumps within the hour');
    now_ms = START_MS;
    for (let day = 0; day < 5; day += 1) {
      pass(24);
      await backups.look();
    }
    const made = names().filter((name) => name.startsWith('coffer-202601'));
    assert.equal(made.length, 3, 'one each day, of which three are kept, beside that of the future');
  });

  test('that fail leave what is there, are told of, and are tried again', async () => {
    await schedule();
    const backups = keeper(false);
    await backups.look();
    const { failure } = await backups.describe();
    assert.match(failure?.message ?? '', /^there is no directory .*backups$/);
    assert.match(failure?.hint ?? '', /COFFER_BACKUP_DIRECTORY/);
    mkdirSync(directory, { mode: 0o700 });
    await backups.look();
    assert.deepEqual(names(), [], 'not at once');
    monotonic_ms += 5_000;
    await backups.look();
    assert.equal(names().length, 1);
    assert.equal((await backups.describe()).failure, undefined);
    pass(24);
    rmSync(directory, { recursive: true });
    await backups.look();
    assert.notEqual((await backups.describe()).failure, undefined);
    mkdirSync(directory);
    await schedule();
    await backups.look();
    assert.equal(names().length, 1, 'another schedule is tried at once');
  });

  test('that break off leave nothing behind, nor do those that a process has left unfinished', async () => {
    await schedule();
    const backups = keeper();
    await backups.look();
    const [first = ''] = names();
    writeFileSync(path.join(directory, `.${first}.partial`), 'the beginning of one');
    writeFileSync(path.join(directory, '.other.partial'), 'not of the schedule');
    pass(24);
    const exportSecrets = store.exportSecrets.bind(store);
    store.exportSecrets = () => {
      throw new CofferError('store.damaged', 'a value does not open');
    };
    await backups.look();
    assert.match((await backups.describe()).failure?.message ?? '', /a value does not open/);
    assert.ok(names().includes(first), 'the last good one stays');
    store.exportSecrets = exportSecrets;
    monotonic_ms += 60_000;
    await backups.look();
    assert.deepEqual(
      names().map((name) => name.slice(0, 15)),
      ['.other.partial', 'coffer-20260115', 'coffer-20260116'],
    );
  });

  test('that have no room are refused before the disk is full', async () => {
    await schedule();
    const backups = new ScheduledBackups({
      store: () => store,
      directory: new BackupDirectory({ path: directory, mayBeMade: true, reserve_bytes: 2 ** 60 }),
      version: '1.2.3',
      now_ms: () => now_ms,
      monotonic_ms: () => monotonic_ms,
      logger: silentLogger,
    });
    await backups.look();
    const { failure } = await backups.describe();
    assert.match(failure?.message ?? '', /there is no room for a backup/);
    assert.deepEqual(names(), []);
  });

  test('end when the daemon stops, and nothing of the last one is left', async () => {
    await schedule();
    const backups = keeper();
    const looked = backups.look();
    await backups.stop();
    await looked;
    assert.ok(names().every((name) => !name.endsWith('.partial')));
    pass(48);
    const before = names();
    await backups.look();
    assert.deepEqual(names(), before);
  });

  test('that run into a full disk leave nothing of themselves, and what is there stays', async (t) => {
    const obstacle = whyNoSmallDisk();
    if (obstacle !== undefined) {
      t.skip(obstacle);
      return;
    }
    const disk = new SmallDisk(temporary.path, 2 * 1024 * 1024);
    try {
      const backups = new ScheduledBackups({
        store: () => store,
        directory: new BackupDirectory({ path: disk.path, mayBeMade: false, reserve_bytes: 0 }),
        version: '1.2.3',
        now_ms: () => now_ms,
        monotonic_ms: () => monotonic_ms,
        logger: silentLogger,
      });
      await schedule();
      await backups.look();
      const [good] = readdirSync(disk.path);
      disk.fill(100_000);
      await putValue(store, 'large', Buffer.alloc(400_000, 1));
      pass(24);
      await backups.look();
      assert.match((await backups.describe()).failure?.message ?? '', /there is no room for a backup/);
      assert.deepEqual(readdirSync(disk.path).sort(), [good, 'filler']);
      disk.free();
      monotonic_ms += 60_000;
      await backups.look();
      assert.equal((await backups.describe()).files.length, 2);
    } finally {
      disk.unmount();
    }
  });
});
