// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import type { ForceNewCluster, ForceProgress, SurvivorWish } from '../../../src/control/index.ts';
import { FakeCluster, LEAK } from '../../support/fake-cluster.ts';
import { codeOf, type Harness, type Reply, send, withControl } from './control-harness.ts';

const TOLD = [{ node: 'b', lastEntry: { term: 3, index: 39 } }];

class FakeForce implements ForceNewCluster {
  readonly wishes: SurvivorWish[] = [];
  refusal: CofferError | undefined;
  state: ForceProgress = { phase: 'idle', removed: [] };

  async begin(wish: SurvivorWish): Promise<ForceProgress> {
    this.wishes.push(wish);
    if (this.refusal !== undefined) {
      throw this.refusal;
    }
    this.state = { ...this.state, phase: 'reopening' };
    return this.state;
  }

  progress(): ForceProgress {
    return this.state;
  }
}

function post(harness: Harness, target: string, body: unknown): Promise<Reply> {
  const headers = { 'content-type': 'application/json' };
  return send(harness, 'POST', target, Buffer.from(JSON.stringify(body)), headers);
}

test('the survivors are told with their last entries, and why a new cluster cannot be forced here', async () => {
  const cluster = new FakeCluster();
  await withControl({ cluster: () => cluster, force: new FakeForce() }, async (harness) => {
    const own = {
      id: 'id1',
      hostname: 'one',
      address: 'one:7373',
      self: true,
      voter: true,
      state: 'answers' as const,
      lastEntry: { term: 3, index: 40 },
    };
    const silent = { ...own, id: 'id2', self: false, state: 'silent' as const, problem: 'no route' };
    const refusal = new CofferError('cluster.survivor', 'two is ahead', { hint: 'Run it on two.' });
    cluster.survey = {
      managers: [own, Object.assign({ ...silent, lastEntry: undefined }, { privateKey: LEAK })],
      lastEntry: { term: 3, index: 40 },
      alone: false,
      refusal,
    };
    const { json, status, text } = await post(harness, '/v1/survivors', { told: TOLD });
    assert.equal(status, 200);
    const { lastEntry: _none, ...withoutEntry } = silent;
    assert.deepEqual(json, {
      managers: [own, withoutEntry],
      lastEntry: { term: 3, index: 40 },
      alone: false,
      refusal: { code: 'cluster.survivor', message: 'two is ahead', hint: 'Run it on two.' },
    });
    assert.ok(!text.includes('PRIVATE KEY'));
    assert.deepEqual(cluster.calls, [`survey ${JSON.stringify({ told: TOLD, othersAreGone: true })}`]);
  });
});

test('a new cluster is begun, followed, and refused with the reason', async () => {
  const force = new FakeForce();
  await withControl({ cluster: () => new FakeCluster(), force }, async (harness) => {
    assert.deepEqual((await send(harness, 'GET', '/v1/force-new-cluster')).json, {
      phase: 'idle',
      removed: [],
    });
    const begun = await post(harness, '/v1/force-new-cluster', { told: TOLD, othersAreGone: true });
    assert.deepEqual([begun.status, begun.json], [202, { phase: 'reopening', removed: [] }]);
    assert.deepEqual((await send(harness, 'GET', '/v1/force-new-cluster')).json, begun.json);
    assert.deepEqual(force.wishes, [{ told: TOLD, othersAreGone: true }]);
    force.refusal = new CofferError('cluster.not-lost', 'nobody has said so');
    const refused = await post(harness, '/v1/force-new-cluster', { told: [], othersAreGone: false });
    assert.deepEqual([refused.status, codeOf(refused)], [409, 'cluster.not-lost']);
  });
});

test('what is not understood is refused, and nothing is begun', async () => {
  const force = new FakeForce();
  const entry = { term: 3, index: 39 };
  const wrong = [
    {},
    { told: [] },
    { told: [], othersAreGone: 'yes' },
    { told: 'b', othersAreGone: true },
    { told: [{ node: 'b' }], othersAreGone: true },
    { told: [{ node: 'b', lastEntry: { term: 3 } }], othersAreGone: true },
    { told: [{ node: 'b', lastEntry: { term: 3, index: 1.5 } }], othersAreGone: true },
    { told: [{ node: 'b', lastEntry: { term: 0, index: 1 } }], othersAreGone: true },
    { told: [{ node: 'b'.repeat(300), lastEntry: entry }], othersAreGone: true },
    { told: Array.from({ length: 16 }, () => ({ node: 'b', lastEntry: entry })), othersAreGone: true },
    { told: [], othersAreGone: true, force: true },
  ];
  await withControl({ cluster: () => new FakeCluster(), force }, async (harness) => {
    for (const body of wrong) {
      const refused = await post(harness, '/v1/force-new-cluster', body);
      assert.deepEqual([refused.status, codeOf(refused)], [400, 'request.invalid'], JSON.stringify(body));
    }
    assert.deepEqual(force.wishes, []);
  });
});

test('a node without a cluster, or a daemon that keeps none, says so', async () => {
  const cluster = (): never => {
    throw new CofferError('store.locked', 'the store is locked', { hint: 'docker coffer unlock' });
  };
  await withControl({ cluster, force: new FakeForce() }, async (harness) => {
    assert.equal(codeOf(await post(harness, '/v1/survivors', { told: [] })), 'store.locked');
  });
  await withControl({}, async (harness) => {
    for (const target of ['/v1/survivors', '/v1/force-new-cluster']) {
      const body = { told: [], ...(target !== '/v1/survivors' && { othersAreGone: true }) };
      assert.equal(codeOf(await post(harness, target, body)), 'store.unavailable');
    }
  });
});
