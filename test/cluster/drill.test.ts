// SPDX-License-Identifier: Apache-2.0
// Drills on real managers: what the schedule has made can be restored, what is damaged cannot, and the cluster does not notice.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ScheduledBackupsReply } from '../../src/control/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/cleanup.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { acceptedBody } from '../support/manager-refusal.ts';
import { builtFile } from '../support/project.ts';
import { callControl, inParallel } from '../support/secret-calls.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { waitFor } from '../support/wait-for.ts';

const SECRETS = 300;

/** Other tests' drills may come and go: those of these managers are found by their notes. */
function sandboxOf(manager: ManagerProcess): string | undefined {
  const note = path.join(manager.stateDirectory, 'drill-directory');
  return existsSync(note) ? readFileSync(note, 'utf8') : undefined;
}

async function newestOf(manager: ManagerProcess): Promise<string> {
  let file = '';
  await waitFor(
    async () => {
      const reply = acceptedBody(await callControl(manager, 'GET', '/v1/backups')) as ScheduledBackupsReply;
      file = path.join(reply.directory, reply.files.at(-1)?.name ?? '');
      return reply.files.length > 0 && !reply.running;
    },
    { what: `${manager.name} to have a backup`, timeout_ms: 60_000 },
  );
  return file;
}

describe('a drill on one of three managers', () => {
  let cluster: ManagerCluster;
  let directory: TemporaryDirectory;
  let key = '';
  before(async () => {
    directory = temporaryDirectory();
    key = path.join(directory.path, 'key');
    cluster = await ManagerCluster.start({ size: 3 });
    const random = new SeededRandom();
    const names = Array.from({ length: SECRETS }, (_, number) => `secret-${number}`);
    await inParallel(names, 16, async (name) => {
      await cluster.at(0).put(name, random.bytes(1 + random.below(4_000)));
      await cluster.at(1).put(name, random.bytes(1 + random.below(4_000)));
    });
    const recipient = (await cluster.at(0).cli(['backup-key', key])).stdout.trim();
    await cluster.at(0).cli(['backup', '--schedule', '24h', '--recipient', recipient]);
  });
  after(async () => {
    await cluster?.destroy();
    directory?.remove();
  });

  test('says yes to what each of them has made by itself, and changes nothing', async () => {
    for (const manager of cluster.managers) {
      await newestOf(manager);
      const before = await manager.status();
      const { stdout } = await manager.cli(['drill', '--identity', key], { timeout_ms: 60_000 });
      assert.match(stdout, /^yes: coffer-.*\.backup can be restored; it was made /);
      assert.match(stdout, /\n300 secrets, 600 versions \(.*\) were restored into a sandbox/);
      const after = await manager.status();
      assert.deepEqual(
        [after.store?.secrets, after.store?.appliedIndex, after.store?.nodeId],
        [before.store?.secrets, before.store?.appliedIndex, before.store?.nodeId],
      );
      assert.equal(sandboxOf(manager), undefined);
    }
  });

  test('says yes to a file of another manager, and to one that a passphrase opens', async () => {
    const foreign = await newestOf(cluster.at(1));
    const other = await cluster.at(2).cli(['drill', '--identity', key, foreign], { timeout_ms: 60_000 });
    assert.match(other.stdout, /^yes: /);
    const [passphrase, file] = [
      path.join(directory.path, 'passphrase'),
      path.join(directory.path, 'by-hand'),
    ];
    writeFileSync(passphrase, 'correct horse battery staple\n');
    await cluster.at(0).cli(['backup', '--passphrase-file', passphrase, file], { timeout_ms: 60_000 });
    const words = ['drill', '--passphrase-file', passphrase, file];
    assert.match((await cluster.at(0).cli(words, { timeout_ms: 60_000 })).stdout, /^yes: /);
  });

  test('says no to a damaged file, and why; and the cluster goes on', async () => {
    const manager = cluster.at(1);
    const file = await newestOf(manager);
    const damaged = readFileSync(file);
    damaged.writeUInt8(damaged.readUInt8(damaged.length >> 1) ^ 1, damaged.length >> 1);
    writeFileSync(file, damaged);
    const { code, stdout } = await manager.tryCli(['drill', '--identity', key], { timeout_ms: 60_000 });
    assert.equal(code, 1);
    assert.match(
      stdout,
      /^no: coffer-.* cannot be restored: the backup was altered in chunk \d+, at byte \d+/,
    );
    assert.equal(sandboxOf(manager), undefined);
    await manager.put('afterwards', 'value');
    assert.equal((await cluster.at(2).deliver('afterwards')).toString(), 'value');
  });

  test('that is interrupted at the command line leaves no sandbox', async () => {
    const manager = cluster.at(0);
    const program = builtFile('dist/coffer.cjs', 'make build');
    const child = spawn(process.execPath, [program, 'drill', '--identity', key], {
      env: { PATH: process.env['PATH'] ?? '', COFFER_SOCKET: manager.controlSocket, HOME: directory.path },
      stdio: 'ignore',
    });
    const exited = once(child, 'exit');
    await waitFor(() => sandboxOf(manager) !== undefined, { what: 'the sandbox', interval_ms: 2 });
    const sandbox = sandboxOf(manager) ?? '';
    child.kill('SIGINT');
    await exited;
    await waitFor(() => sandboxOf(manager) === undefined, { what: 'the sandbox to be gone' });
    assert.ok(sandbox.includes('coffer-drill-') && !existsSync(sandbox));
    const again = await manager.cli(['drill', '--identity', key], { timeout_ms: 60_000 });
    assert.match(again.stdout, /^yes: /);
  });

  test('that is killed with its daemon leaves a sandbox, which the next start removes', async () => {
    const manager = cluster.at(2);
    const drill = manager.tryCli(['drill', '--identity', key], { timeout_ms: 60_000 });
    await waitFor(() => sandboxOf(manager) !== undefined, { what: 'the sandbox', interval_ms: 2 });
    const sandbox = sandboxOf(manager) ?? '';
    await manager.kill9();
    assert.equal((await drill).code, 2);
    assert.ok(existsSync(sandbox), 'a killed process removes nothing');
    await manager.start();
    await manager.serving();
    assert.ok(!existsSync(sandbox));
    assert.equal(sandboxOf(manager), undefined);
  });
});
