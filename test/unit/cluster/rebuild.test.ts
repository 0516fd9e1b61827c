// SPDX-License-Identifier: Apache-2.0
// The rebuild of a manager, ended by a crash after each of its steps: what lies on the disk then is what the next start ends.
import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { RebuildFiles } from '../../../src/cluster/rebuild-files.ts';
import { putValue } from '../../support/test-store.ts';
import { waitFor } from '../../support/wait-for.ts';
import { present, TestNode } from './cluster-harness.ts';

const ASIDE = /^damaged-/;

describe('a manager of three whose store is gone', () => {
  let first: TestNode;
  let second: TestNode;
  let third: TestNode;

  before(async () => {
    first = await TestNode.start();
    second = await first.joined('manager');
    third = await first.joined('manager');
    await putValue(first.store, 'kept', Buffer.from('value'));
  });
  after(async () => {
    for (const node of [third, second, first]) {
      await node?.destroy();
    }
  });

  /** Its database is gone, and the others have agreed to its rebuild; then its process ends. */
  async function agreed(): Promise<{ readonly oldId: string; readonly newId: string }> {
    const oldId = third.id;
    await damaged();
    await third.cluster.rebuild.begin({ join: [], token: undefined });
    const newId = present(third.cluster.rebuild.state.nodeId, 'it has a new id');
    await third.stop();
    return { oldId, newId };
  }

  async function damaged(): Promise<void> {
    await third.stop();
    rmSync(path.join(third.stateDirectory, 'database'), { recursive: true });
    await third.start();
    assert.equal(third.keeper.reason?.code, 'store.damaged');
  }

  async function endsAs(newId: string, oldId: string): Promise<void> {
    await third.start();
    await third.serving();
    assert.equal(third.id, newId);
    await waitFor(async () => (await first.admin.node(newId)).node.voter, {
      what: 'it to vote',
      timeout_ms: 30_000,
    });
    await waitFor(() => third.store.cluster.node(oldId) === undefined, { what: 'the old id to be gone' });
    assert.equal((await first.admin.nodes()).length, 3);
    assert.notEqual(first.store.cluster.revocation(oldId), undefined);
    assert.equal(third.store.byName('kept')?.name, 'kept');
    assert.equal(third.cluster.rebuild.state.stage, 'installed');
    await third.cluster.rebuild.finish();
    const aside = asides();
    assert.equal(aside.length, 1);
    assert.ok(
      existsSync(path.join(aside[0] ?? '', 'keys.json')) &&
        existsSync(path.join(aside[0] ?? '', 'identity.json')),
    );
    rmSync(aside[0] ?? '', { recursive: true });
  }

  function asides(): readonly string[] {
    return readdirSync(third.stateDirectory)
      .filter((name) => ASIDE.test(name))
      .map((name) => path.join(third.stateDirectory, name));
  }

  /** What `plan.json` names. */
  function planned(): { readonly aside: string } {
    const file = path.join(third.stateDirectory, 'rebuild', 'plan.json');
    return JSON.parse(readFileSync(file, 'utf8')) as { aside: string };
  }

  test('asks again with the same key if the answer was lost, and is one node then', async () => {
    const oldId = third.id;
    await damaged();
    await third.cluster.rebuild.begin({ join: [], token: undefined });
    const newId = present(third.cluster.rebuild.state.nodeId, 'it has a new id');
    rmSync(path.join(third.stateDirectory, 'rebuild', 'identity.json'));
    await third.stop();
    await third.start();
    assert.equal(third.keeper.reason?.code, 'store.damaged', 'nothing goes on that was not agreed on');
    await third.cluster.rebuild.begin({ join: [], token: undefined });
    assert.equal(third.cluster.rebuild.state.nodeId, newId);
    await third.stop();
    await endsAs(newId, oldId);
  });

  test('goes on by itself once the others have agreed', async () => {
    const { newId, oldId } = await agreed();
    await endsAs(newId, oldId);
  });

  test('goes on where its old id was removed already', async () => {
    const { newId, oldId } = await agreed();
    await first.admin.remove(oldId, true);
    await endsAs(newId, oldId);
  });

  test('goes on where half of its files were set aside', async () => {
    const { newId, oldId } = await agreed();
    const aside = path.join(third.stateDirectory, planned().aside);
    mkdirSync(aside);
    for (const file of ['keys.json', 'identity.json']) {
      renameSync(path.join(third.stateDirectory, file), path.join(aside, file));
    }
    await endsAs(newId, oldId);
  });

  test('goes on where its new identity was in place, and sets nothing of it aside', async () => {
    const { newId, oldId } = await agreed();
    const aside = path.join(third.stateDirectory, planned().aside);
    mkdirSync(aside);
    for (const file of ['keys.json', 'checkpoint', 'identity.json']) {
      renameSync(path.join(third.stateDirectory, file), path.join(aside, file));
    }
    cpSync(path.join(third.stateDirectory, 'rebuild', 'identity.json'), third.identityFile);
    await endsAs(newId, oldId);
  });

  test('says what it waits for while there is no majority, and votes for nobody', async () => {
    const { newId, oldId } = await agreed();
    await second.stop();
    await third.start();
    assert.equal(third.keeper.reason?.code, 'cluster.joining');
    assert.match(third.keeper.reason?.detail ?? '', /being rebuilt, and waits/);
    assert.equal(third.cluster.place.role, undefined);
    await third.stop();
    await second.start();
    await second.serving();
    await endsAs(newId, oldId);
  });

  test('begins anew where what was agreed on was taken back, and needs a token then', async () => {
    const { newId, oldId } = await agreed();
    await first.admin.remove(oldId, true);
    await first.admin.remove(newId, true);
    await third.start();
    assert.equal(third.keeper.reason?.code, 'cluster.node-removed');
    await third.stop();
    await third.start();
    assert.equal(third.keeper.reason?.code, 'store.damaged');
    const join = [first.address];
    await assert.rejects(third.cluster.rebuild.begin({ join, token: undefined }), {
      code: 'cluster.node-removed',
    });
    await third.cluster.rebuild.begin({ join, token: await first.token('manager') });
    const lastId = present(third.cluster.rebuild.state.nodeId, 'it has a new id');
    await third.stop();
    await endsAs(lastId, oldId);
  });

  test('takes no token for a worker, and none without the address that it is for', async () => {
    await damaged();
    const token = await first.token('worker');
    const { rebuild } = third.cluster;
    await assert.rejects(rebuild.begin({ join: [first.address], token }), { code: 'cluster.token-invalid' });
    const begun = rebuild.begin({ join: [], token: undefined });
    await begun;
    const newId = present(rebuild.state.nodeId, 'it has a new id');
    const { nodeId } = JSON.parse(readFileSync(third.identityFile, 'utf8')) as { nodeId: string };
    await third.stop();
    await endsAs(newId, nodeId);
  });
});

test('the plan of a rebuild that a crash has damaged is none, so that the rebuild begins anew', async (t) => {
  const node = await TestNode.create();
  t.after(() => node.destroy());
  mkdirSync(node.stateDirectory);
  const files = new RebuildFiles(node.stateDirectory);
  assert.equal(await files.plan(), undefined);
  const plan = {
    key: Buffer.from('key'),
    replaces: 'old',
    nodeId: undefined,
    aside: 'damaged-20300101T000000Z',
  };
  await files.writePlan(plan);
  assert.deepEqual(await files.plan(), plan);
  assert.deepEqual(await files.installed(plan, 'new'), { ...plan, key: undefined, nodeId: 'new' });
  const file = path.join(node.stateDirectory, 'rebuild', 'plan.json');
  assert.ok(
    !readFileSync(file, 'utf8').includes(plan.key.toString('base64')),
    'the key is kept in one place',
  );
  for (const content of ['{', '{"format":1,"aside":"../../etc"}']) {
    writeFileSync(file, content);
    assert.equal(await files.plan(), undefined);
  }
});
