// SPDX-License-Identifier: Apache-2.0
// A manager whose audit log was deleted while it was stopped: all managers know, until somebody says that this is known.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { ManagerCluster } from '../support/manager-cluster.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { waitFor } from '../support/wait-for.ts';

let cluster: ManagerCluster;
before(async () => {
  cluster = await ManagerCluster.start({ size: 3 });
});
after(async () => cluster?.destroy());

const LOST = /record \d+, signed at \S+, was not in the log any more when coffer started/;

/** What its doctor says of the audit log. */
async function diagnosed(manager: ManagerProcess): Promise<string> {
  const { stdout } = await manager.tryCli(['doctor']);
  return stdout.split('\n').find((line) => line.includes('audit log')) ?? stdout;
}

async function acknowledgedAt(manager: ManagerProcess): Promise<readonly string[]> {
  const { stdout } = await manager.cli(['audit', '--event', 'acknowledge', '--format', 'json']);
  return stdout.split('\n').filter((line) => line !== '');
}

test('a log that was deleted is told of until that is acknowledged, which stands in the logs of all', async () => {
  const manager = await cluster.follower();
  await manager.put('db', 'a value');
  // At a stop it signs how far its log is.
  await manager.stop();
  rmSync(path.join(manager.stateDirectory, 'audit'), { recursive: true });
  await manager.start();
  await cluster.whole();
  await manager.restart();
  await cluster.whole();
  assert.match(await diagnosed(manager), /record \d+ was signed, and was not in it any more/);
  const told = await manager.tryCli(['audit', 'verify']);
  assert.equal(told.code, 1);
  assert.match(told.stderr, LOST);

  const acknowledged = await manager.cli(['audit', 'verify', '--acknowledge']);
  assert.match(acknowledged.stdout, /\nAcknowledged: record \d+/);
  assert.equal((await manager.cli(['audit', 'verify'])).stderr, '');
  assert.match(await diagnosed(manager), /it is written/);
  for (const one of cluster.managers) {
    const [record = ''] = await waitFor(
      async () => {
        const records = await acknowledgedAt(one);
        return records.length > 0 ? records : undefined;
      },
      { what: `the acknowledgement to stand in the log of ${one.name}` },
    );
    assert.match(record, one === manager ? /"by":"control"/ : /"to":"[^"]+"/);
    assert.match(record, /"detail":"record \d+.* is known to be lost"/);
    assert.equal((await acknowledgedAt(one)).length, 1);
  }
  const again = await manager.tryCli(['audit', 'verify', '--acknowledge']);
  assert.match(again.stderr, /no record was lost that was not acknowledged/);
  await manager.restart();
  await cluster.whole();
  assert.match(await diagnosed(manager), /it is written/);
});
