// SPDX-License-Identifier: Apache-2.0
// A store that becomes that of the only manager (A22): whenever it is interrupted, the next start is either the old member or
// the new cluster, with all that the log holds.
import assert from 'node:assert/strict';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { DiskCheckpointFile, LevelDatabase } from '../../../src/storage/index.ts';
import type { ReplicatedStore } from '../../../src/store/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { Acknowledged, copyState, openTestStore, putValue, withStore } from '../../support/test-store.ts';
import { waitFor } from '../../support/wait-for.ts';

/** Another voter, which nobody will ever hear of again. */
const LOST = 4711;

let temporary: TemporaryDirectory;
let state: string;
let acknowledged: Acknowledged;
/** The store's own timers keep no process alive. */
let alive: NodeJS.Timeout;
let end: { readonly term: number; readonly index: number };

/** A member of a cluster of two, which has one more entry in its log than it knows to be committed. */
beforeEach(async () => {
  alive = setInterval(() => undefined, 1_000);
  temporary = temporaryDirectory();
  state = path.join(temporary.path, 'state');
  acknowledged = new Acknowledged();
  const store = await openTestStore(state);
  for (let number = 0; number < 20; number += 1) {
    await acknowledged.put(store, `kept-${number}`, Buffer.from(`value ${number}`));
  }
  const change = { kind: 'v1', type: 'ConfChangeAddNode', nodeId: LOST, context: Buffer.alloc(0) } as const;
  await store.replica.proposeConfChange(change);
  const waiting = putValue(store, 'waiting', Buffer.from('in the log'));
  const refused = assert.rejects(waiting, { code: 'store.closed' });
  await waitFor(() => store.status().lastIndex > store.status().commitIndex, { what: 'it to be in the log' });
  await store.close();
  await refused;
  end = await withStore(state, async (opened) => {
    const { lastIndex: index, lastTerm: term } = opened.status();
    return { term, index };
  });
});
afterEach(() => {
  clearInterval(alive);
  temporary.remove();
});

function votersOf(store: ReplicatedStore): number {
  return store.replica.state.confState.voters.length;
}

/** Waits until the store is alone, and looks whether it has everything. */
async function isAlone(store: ReplicatedStore): Promise<void> {
  await waitFor(() => votersOf(store) === 1 && store.status().role === 'leader', {
    what: 'it to lead alone',
  });
  // What was in the log alone counts: the lost majority may have acknowledged it.
  const { id, versions } = store.byName('waiting') ?? assert.fail('the entry that was in the log is there');
  const value = store.readValue(id, versions.at(-1)?.number ?? 0);
  assert.equal(value.expose().toString(), 'in the log');
  value.wipe();
  await store.propose({ kind: 'remove', id });
  assert.equal(acknowledged.verify(store), 0);
}

describe('a store that is told to go on alone', () => {
  test('leads at once, with all that its log holds, and stays so', async () => {
    await withStore(state, isAlone, { forceNewCluster: end });
    await withStore(state, async (store) => {
      assert.equal(votersOf(store), 1);
      assert.equal(acknowledged.verify(store), 0);
      await putValue(store, 'after', Buffer.from('the loss'));
    });
  });

  test('refuses another log than the one that was meant, and is the member that it was', async () => {
    const meant = { ...end, index: end.index + 1 };
    await assert.rejects(openTestStore(state, { forceNewCluster: meant }), { code: 'cluster.survivor' });
    await withStore(state, async (store) => assert.equal(votersOf(store), 2));
    await withStore(state, isAlone, { forceNewCluster: end });
  });

  test('killed at any of its writes, it is the old member or the new cluster, and can be told again', async (t) => {
    const crashes: { readonly at: string; readonly copy: string }[] = [];
    const crashBefore = (at: string): void => {
      crashes.push({ at, copy: copyState(state, temporary.path) });
    };
    // The first mock of each is what it was; the second one calls it.
    const write = t.mock.method(LevelDatabase.prototype, 'write');
    t.mock.method(
      LevelDatabase.prototype,
      'write',
      function (this: LevelDatabase, ...args: Parameters<typeof write>) {
        crashBefore('a write of the database');
        return write.apply(this, args);
      },
    );
    const writeCheckpoint = t.mock.method(DiskCheckpointFile.prototype, 'write');
    t.mock.method(
      DiskCheckpointFile.prototype,
      'write',
      function (this: DiskCheckpointFile, ...args: Parameters<typeof writeCheckpoint>) {
        crashBefore('a write of the checkpoint');
        return writeCheckpoint.apply(this, args);
      },
    );
    const sync = t.mock.method(DiskCheckpointFile.prototype, 'sync');
    t.mock.method(DiskCheckpointFile.prototype, 'sync', function (this: DiskCheckpointFile) {
      crashBefore('a sync of the checkpoint');
      return sync.apply(this);
    });
    const store = await openTestStore(state, { forceNewCluster: end });
    await waitFor(() => votersOf(store) === 1, { what: 'it to be alone' });
    crashBefore('the end');
    t.mock.restoreAll();
    await store.close();
    const found = new Set<string>();
    for (const { at, copy } of crashes) {
      const before = await withStore(copy, async (opened) => {
        const isNew = opened.status().lastIndex > end.index;
        if (isNew) {
          await waitFor(() => votersOf(opened) === 1, { what: `it to be alone after ${at}` });
        } else {
          assert.deepEqual([votersOf(opened), opened.status().lastIndex], [2, end.index], at);
        }
        return isNew ? 'the new cluster' : 'the old member';
      });
      found.add(before);
      const again = before === 'the old member' ? { forceNewCluster: end } : {};
      await withStore(copy, isAlone, again);
    }
    t.diagnostic(`${crashes.length} moments: ${[...found].join(', ')}`);
    assert.deepEqual([...found].sort(), ['the new cluster', 'the old member']);
  });
});
