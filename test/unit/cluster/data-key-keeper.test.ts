// SPDX-License-Identifier: Apache-2.0
// What each manager does to its own data key by itself, in clusters of real nodes.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { ReplicatedStore } from '../../../src/store/replicated-store.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { filesWith } from '../../support/files-with.ts';
import { putValue } from '../../support/test-store.ts';
import { waitFor } from '../../support/wait-for.ts';
import { DAY_MS } from '../../support/cluster-objects.ts';
import { present, TestNode } from './cluster-harness.ts';

async function remove(node: TestNode, name: string): Promise<void> {
  const { id } = present(node.store.byName(name), 'it is there');
  await node.store.propose({ kind: 'remove', id });
}

function keyIdOf(node: TestNode): string {
  return node.store.status().dataKeyId;
}

function purgedBy(node: TestNode): number {
  return node.store.cluster.dataKeyReport(node.id)?.purged ?? 0;
}

async function purged(nodes: readonly TestNode[], version: number): Promise<void> {
  for (const node of nodes) {
    await waitFor(() => purgedBy(node) === version, { what: 'the purge', timeout_ms: 30_000 });
  }
}

describe('a purge', () => {
  let nodes: TestNode[];
  beforeEach(() => {
    nodes = [];
  });
  afterEach(async () => {
    for (const node of nodes) {
      await node.destroy();
    }
  });

  test('gives each manager a new key, and leaves nothing in its log that a removed value could be read from', async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    const first = await TestNode.start();
    nodes.push(first);
    nodes.push(await first.joined('manager'));
    await putValue(first.store, 'kept', Buffer.from('kept'));
    // Larger than all else together, so that what is left of it would show in the size.
    await putValue(first.store, 'leaked', random.bytes(400_000));
    await remove(first, 'leaked');
    const before = nodes.map(keyIdOf);
    const lastIndex = first.store.status().lastIndex;
    const begun = await first.admin.maintenance.purge();
    assert.equal(begun.version, 1);
    assert.equal(begun.managers.length, 2);
    await purged(nodes, 1);
    for (const [place, node] of nodes.entries()) {
      assert.notEqual(keyIdOf(node), before[place]);
      assert.ok(node.store.status().firstIndex > lastIndex, 'the log begins after the removal');
      assert.deepEqual(filesWith(node.stateDirectory, before[place] ?? ''), []);
      assert.equal(node.store.byName('kept')?.versions.length, 1);
    }
    const { managers } = await present(nodes[1], 'there are two').admin.maintenance.purgeProgress();
    assert.deepEqual(
      managers.map(({ done }) => done),
      [true, true],
    );
  });

  test('whose rotation fails is not said to be done, and is tried again by itself', async () => {
    const node = await TestNode.start();
    nodes.push(node);
    const { store } = node;
    assert.ok(store instanceof ReplicatedStore);
    const rotate = store.dataKey.rotate.bind(store.dataKey);
    let failures = 0;
    store.dataKey.rotate = () => {
      failures += 1;
      return failures === 1 ? Promise.reject(new CofferError('store.disk-full', 'no room')) : rotate();
    };
    await node.admin.maintenance.purge();
    await waitFor(() => failures === 1, { what: 'the first try' });
    assert.equal(purgedBy(node), 0);
    assert.equal((await node.admin.maintenance.purgeProgress()).managers[0]?.done, false);
    await purged([node], 1);
    assert.equal(failures, 2);
    assert.ok(node.lines.some((line) => line.includes('is tried again later') && line.includes('no room')));
  });

  test('that a manager has missed is made up for at its next start, and once only', async () => {
    const first = await TestNode.start();
    nodes.push(first);
    const [second, third] = [await first.joined('manager'), await first.joined('manager')];
    nodes.push(second, third);
    const missing = third.id;
    await third.stop();
    await first.admin.maintenance.purge();
    await purged([first, second], 1);
    const early = await first.admin.maintenance.purgeProgress();
    assert.equal(early.managers.find(({ id }) => id === missing)?.done, false);
    await third.start();
    await third.serving();
    await purged([third], 1);
    const keyId = keyIdOf(third);
    await third.stop();
    await third.start();
    await third.serving();
    await putValue(first.store, 'later', Buffer.from('later'));
    await waitFor(() => third.store.byName('later') !== undefined, { what: 'it to catch up' });
    assert.equal(keyIdOf(third), keyId);
  });
});

describe('a schedule of data keys', () => {
  test('has a key rotated when it is too old by the clock, and says when that is', async () => {
    let now_ms = Date.now();
    const node = await TestNode.start({ now_ms: () => now_ms });
    try {
      await waitFor(() => node.admin.dataKey.describe().madeAt_ms !== undefined, { what: 'a report' });
      assert.equal(node.admin.dataKey.describe().nextAt_ms, undefined);
      await node.admin.maintenance.setDataKeySchedule(10 * DAY_MS);
      const { id, madeAt_ms = 0, nextAt_ms = 0 } = node.admin.dataKey.describe();
      assert.ok(madeAt_ms <= now_ms && nextAt_ms > madeAt_ms + 9 * DAY_MS - 1);
      assert.ok(nextAt_ms <= madeAt_ms + 10 * DAY_MS);
      now_ms = nextAt_ms;
      await waitFor(() => node.admin.dataKey.describe().madeAt_ms === now_ms, {
        what: 'the rotation to be told',
        timeout_ms: 20_000,
      });
      const after = node.admin.dataKey.describe();
      assert.notEqual(after.id, id);
      assert.ok((after.nextAt_ms ?? 0) > now_ms + 9 * DAY_MS - 1);
      const { schedules } = await node.admin.describe();
      assert.deepEqual(schedules, {
        dataKey_ms: 10 * DAY_MS,
        oldestDataKeyMadeAt_ms: now_ms,
        backup: undefined,
      });
      await node.admin.maintenance.setDataKeySchedule(0);
      assert.equal(node.admin.dataKey.describe().nextAt_ms, undefined);
      await assert.rejects(node.admin.maintenance.setDataKeySchedule(59_999), /a minute at least/);
    } finally {
      await node.destroy();
    }
  });
});
