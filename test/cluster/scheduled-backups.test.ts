// SPDX-License-Identifier: Apache-2.0
// Three managers that write backups by themselves: each has its own, whatever becomes of the others.
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, statSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ScheduledBackupsReply } from '../../src/control/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/cleanup.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { acceptedBody } from '../support/manager-refusal.ts';
import { callControl } from '../support/secret-calls.ts';
import { waitFor } from '../support/wait-for.ts';

async function backupsOf(manager: ManagerProcess): Promise<ScheduledBackupsReply> {
  return acceptedBody(await callControl(manager, 'GET', '/v1/backups')) as ScheduledBackupsReply;
}

/** Waits until it has as many, the newest of which `isNew`, and none is being written; resolves with the newest one's path. */
async function newest(
  manager: ManagerProcess,
  count: number,
  isNew: (name: string) => boolean = () => true,
): Promise<string> {
  let found = '';
  await waitFor(
    async () => {
      const { directory, files, running } = await backupsOf(manager);
      const name = files.at(-1)?.name ?? '';
      found = path.join(directory, name);
      return files.length === count && !running && isNew(name);
    },
    { what: `${manager.name} to have ${count} backups`, timeout_ms: 30_000 },
  );
  return found;
}

describe('backups that three managers make by themselves', () => {
  let cluster: ManagerCluster;
  let directory: TemporaryDirectory;
  let recipient = '';
  const inside = (file: string): string => path.join(directory.path, file);
  const verify = (file: string): string[] => ['restore', '--verify', '--identity', inside('key'), file];

  before(async () => {
    directory = temporaryDirectory();
    cluster = await ManagerCluster.start({ size: 3 });
    recipient = (await cluster.at(0).cli(['backup-key', inside('key')])).stdout.trim();
    await cluster.at(0).put('kept', 'value');
  });
  after(async () => {
    await cluster?.destroy();
    directory?.remove();
  });

  test('are made at once when the schedule is set at one of them, and each opens with the identity', async () => {
    await cluster.at(1).cli(['backup', '--schedule', '03:00', '--recipient', recipient, '--keep', '2']);
    const files = new Set<string>();
    for (const manager of cluster.managers) {
      const file = await newest(manager, 1);
      files.add(path.basename(file));
      assert.equal(statSync(file).mode & 0o777, 0o600);
      assert.equal(statSync(path.dirname(file)).mode & 0o777, 0o700);
      assert.match((await manager.cli(verify(file))).stdout, /whole; 1 secret, 1 version/);
      assert.match((await manager.cli(['status'])).stdout, /\nBackups: +the newest .* ago, the next in /);
    }
    assert.equal(files.size, 3, 'each names its own');
  });

  test('that a manager has missed is made when it starts again, and the oldest goes', async () => {
    const manager = cluster.at(2);
    const first = await newest(manager, 1);
    await manager.stop();
    renameSync(first, first.replace(/coffer-\d{8}/, 'coffer-20200101'));
    await manager.start();
    await manager.serving();
    const made = await newest(manager, 2, (name) => !name.startsWith('coffer-2020'));
    assert.match((await manager.cli(verify(made))).stdout, /whole; 1 secret/);
    await manager.stop();
    renameSync(made, made.replace(/coffer-\d{8}/, 'coffer-20200102'));
    await manager.start();
    await newest(manager, 2, (name) => !name.startsWith('coffer-2020'));
    const { files } = await backupsOf(manager);
    assert.match(files[0]?.name ?? '', /^coffer-20200102/, 'the oldest of three is gone');
  });

  test('that cannot be written are told of by status, doctor and backup-ls, lose nothing, and are made when that is mended', async () => {
    const manager = cluster.at(0);
    const elsewhere = inside('elsewhere');
    await manager.stop();
    await manager.start({ COFFER_BACKUP_DIRECTORY: elsewhere });
    await manager.serving();
    await waitFor(async () => (await backupsOf(manager)).failure !== undefined, { what: 'a failure' });
    assert.match(
      (await manager.tryCli(['status'])).stdout,
      /not written, and is tried again: there is no directory/,
    );
    const { stdout } = await manager.tryCli(['doctor']);
    assert.match(stdout, /backups.*the last one was not written: there is no directory .*elsewhere/);
    assert.equal((await manager.tryCli(['backup-ls'])).code, 2);
    assert.equal((await manager.deliver('kept')).toString(), 'value');
    mkdirSync(elsewhere);
    const file = await newest(manager, 1);
    assert.equal(path.dirname(file), elsewhere);
    assert.equal((await manager.cli(['backup-ls'])).code, 0);
  });

  test('are made no longer once the schedule is off; those that are there stay', async () => {
    await cluster.at(0).cli(['backup', '--schedule', 'off']);
    const manager = cluster.at(1);
    await waitFor(async () => (await backupsOf(manager)).schedule === undefined, {
      what: 'it to hear of it',
    });
    assert.equal((await backupsOf(manager)).files.length, 1);
  });
});
