// SPDX-License-Identifier: Apache-2.0
// A node whose state is there in part, or has grown old, says so, and begins nothing anew unless it was told to (A47, A57).
import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { IdentityStore } from '../../../src/cluster/identity.ts';
import type { CofferError } from '../../../src/common/index.ts';
import type { AuthorityObject } from '../../../src/membership/index.ts';
import { putValue } from '../../support/test-store.ts';
import { waitFor } from '../../support/wait-for.ts';
import { DAY_MS } from '../../support/cluster-objects.ts';
import { expiredIdentity, present, rewriteIdentity, TestNode } from './cluster-harness.ts';

const REENROL = { settings: { reenrol: true } } as const;

async function aNode(t: TestContext): Promise<TestNode> {
  const node = await TestNode.start();
  t.after(() => node.destroy());
  await putValue(node.store, 'kept', Buffer.from('value'));
  return node;
}

/** Starts it once; what it says is wrong, which no further start changes, and nothing on the disk has changed. */
async function refuses(
  node: TestNode,
  code: string,
  sentence: RegExp,
  settings: Parameters<TestNode['start']>[0] = {},
): Promise<CofferError> {
  const files = readdirSync(node.stateDirectory).filter((name) => name !== 'lock');
  await node.start(settings);
  const reason = present(node.keeper.reason, 'the node does not serve');
  assert.equal(reason.code, code, reason.message);
  assert.match(reason.detail, sentence);
  assert.ok(reason.hint !== undefined, 'it says what to do');
  await node.stop();
  assert.deepEqual(
    readdirSync(node.stateDirectory).filter((name) => name !== 'lock'),
    files,
  );
  return reason;
}

async function servesAs(
  node: TestNode,
  id: string,
  settings: Parameters<TestNode['start']>[0],
): Promise<void> {
  await node.start(settings);
  await node.serving();
  assert.equal(node.id, id);
  assert.equal(node.store.byName('kept')?.name, 'kept');
}

function removeStoreFiles(node: TestNode): void {
  for (const name of readdirSync(node.stateDirectory)) {
    if (name !== 'identity.json') {
      rmSync(path.join(node.stateDirectory, name), { recursive: true });
    }
  }
}

describe('a node that is a cluster by itself', () => {
  test('does not begin anew without its certificate; told to, it makes itself one and is who it was', async (t) => {
    const node = await aNode(t);
    const { id } = node;
    await node.stop();
    rmSync(node.identityFile);
    const { hint } = await refuses(node, 'cluster.identity-missing', /is gone, though it is in a cluster/);
    assert.match(hint ?? '', /COFFER_REENROL=on/);
    await servesAs(node, id, REENROL);
    await node.stop();
    await servesAs(node, id, {});
  });

  test('does not begin anew with a certificate that is damaged; told to, it makes itself another', async (t) => {
    const node = await aNode(t);
    const { id } = node;
    await node.stop();
    writeFileSync(node.identityFile, readFileSync(node.identityFile, 'utf8').slice(0, -40));
    await refuses(node, 'cluster.identity-missing', /identity\.json is not what was written/);
    await servesAs(node, id, REENROL);
  });

  test('does not begin anew without its store, whatever it is told', async (t) => {
    const node = await aNode(t);
    await node.stop();
    removeStoreFiles(node);
    await refuses(node, 'store.damaged', /the store of this node is gone, and its certificate is there/);
    const { hint } = await refuses(node, 'store.damaged', /the store of this node is gone/, REENROL);
    assert.doesNotMatch(hint ?? '', /REENROL/, 'it does not help, so it is not said');
  });

  test('does not begin anew with half a certificate and no store, whatever it is told', async (t) => {
    const node = await aNode(t);
    await node.stop();
    removeStoreFiles(node);
    writeFileSync(node.identityFile, '{');
    for (const options of [{}, REENROL]) {
      const { hint } = await refuses(node, 'cluster.identity-missing', /is not what was written/, options);
      assert.doesNotMatch(hint ?? '', /REENROL/);
    }
  });

  test('does not take the certificate of another store; told to, it makes itself its own', async (t) => {
    const [node, other] = [await aNode(t), await aNode(t)];
    const { id } = node;
    await Promise.all([node.stop(), other.stop()]);
    cpSync(other.identityFile, node.identityFile);
    await refuses(node, 'cluster.identity-missing', /belongs to another store/);
    await servesAs(node, id, REENROL);
  });

  test("never loses its store to the identity of somebody else's worker", async (t) => {
    const [node, other] = [await aNode(t), await aNode(t)];
    const { id } = node;
    const worker = await other.joined('worker');
    t.after(() => worker.destroy());
    await Promise.all([node.stop(), worker.stop()]);
    cpSync(worker.identityFile, node.identityFile);
    for (const options of [{}, REENROL]) {
      await refuses(
        node,
        'cluster.identity-missing',
        /that of a worker, and beside it lies the store/,
        options,
      );
    }
    rmSync(node.identityFile);
    await servesAs(node, id, REENROL);
  });

  test('with the address of a cluster and no token joins nothing, and begins no cluster of its own (A57)', async (t) => {
    const node = await TestNode.create();
    t.after(() => node.destroy());
    await node.start({ settings: { join: ['127.0.0.1:1'] } });
    const reason = present(node.keeper.reason, 'the node does not serve');
    assert.equal(reason.code, 'settings.invalid');
    assert.match(reason.message, /COFFER_JOIN names a cluster/);
    await node.stop();
    assert.ok(!existsSync(node.identityFile));
  });

  test('mends its own certificate when it has expired, since nobody else could (A47)', async (t) => {
    const node = await TestNode.create();
    t.after(() => node.destroy());
    await node.start({ now_ms: () => Date.now() - 100 * DAY_MS });
    await node.serving();
    await putValue(node.store, 'kept', Buffer.from('value'));
    const { id } = node;
    const before = readFileSync(node.identityFile, 'utf8');
    await node.stop();
    await servesAs(node, id, {});
    assert.notEqual(readFileSync(node.identityFile, 'utf8'), before);
    await recordsItsOwn(node);
  });
});

describe('a manager among others', () => {
  let first: TestNode;
  let second: TestNode;
  let authority: AuthorityObject;

  before(async () => {
    first = await TestNode.start();
    await putValue(first.store, 'kept', Buffer.from('value'));
    second = await first.joined('manager');
    ({ authority } = first);
  });
  after(async () => {
    await second?.destroy();
    await first?.destroy();
  });

  test('whose certificate has expired meets the others with a short one, and then has a lasting one (A47)', async () => {
    const { id } = second;
    await second.stop();
    await rewriteIdentity(new IdentityStore(second.stateDirectory), (identity) =>
      expiredIdentity(authority, identity),
    );
    await second.start();
    await second.serving();
    await waitFor(() => second.store.status().role === 'follower', { what: 'it to follow' });
    assert.equal(second.id, id);
    await recordsItsOwn(second);
  });

  test('whose certificate is gone stays out until it is told to make itself another, which all come to know', async () => {
    const { id } = second;
    await second.stop();
    rmSync(second.identityFile);
    await refuses(second, 'cluster.identity-missing', /is gone, though it is in a cluster/);
    await second.start(REENROL);
    await second.serving();
    assert.equal(second.id, id);
    await recordsItsOwn(second);
    await recordsItsOwn(second, first);
  });
});

describe('a worker whose certificate has expired', () => {
  test('stays who it is without a token, and joins under a new id with one', async (t) => {
    const manager = await aNode(t);
    const worker = await manager.joined('worker');
    t.after(() => worker.destroy());
    const { id } = worker;
    await worker.stop();
    const { authority } = manager;
    await rewriteIdentity(new IdentityStore(worker.stateDirectory), (identity) =>
      expiredIdentity(authority, identity),
    );
    await worker.start();
    assert.equal(worker.id, id);
    await waitFor(() => worker.cluster.place.problem !== undefined, { what: 'no manager to answer it' });
    await worker.stop();
    const joinToken = await manager.token('worker');
    const settings = { join: [manager.address], joinToken };
    await worker.start({ settings });
    await waitFor(() => worker.cluster.place.role === 'worker', { what: 'it to join' });
    assert.notEqual(worker.id, id);
    await waitFor(() => worker.cluster.place.problem === undefined, { what: 'it to be heard' });
    const after = worker.id;
    await worker.stop();
    await worker.start({ settings });
    assert.equal(worker.id, after, 'once');
  });
});

/** The state names the certificate that the node has: it counts when the CA is rotated, and when the node is removed. */
async function recordsItsOwn(node: TestNode, at = node): Promise<void> {
  await waitFor(
    async () => {
      const { certificates } = present(await new IdentityStore(node.stateDirectory).read(), 'it is there');
      return at.store.cluster.node(node.id)?.certificate.certificate === certificates[0];
    },
    { what: 'the state to name the certificate that is in use' },
  );
}
