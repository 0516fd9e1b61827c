// SPDX-License-Identifier: Apache-2.0
// The simulated disk keeps the promises of a real one, and breaks no others than those that a real one may break.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DatabaseOperation } from '../../src/storage/index.ts';
import { describeDatabase } from '../support/database-conformance.ts';
import { DiskBehaviour } from './disk/disk-behaviour.ts';
import { SimCheckpointFile } from './disk/sim-checkpoint-file.ts';
import { type Host, SimDatabase } from './disk/sim-database.ts';
import { SimDisk } from './disk/sim-disk.ts';
import { RandomStream } from './kernel/random-stream.ts';
import { Scheduler } from './kernel/scheduler.ts';

const QUICK = { sync_us: 10, spread: 2, byte_us: 0 };
const nobody = { written: () => undefined, replaced: () => undefined };
/** Time passes by itself. */
const atOnce: Host = { alive: true, after: (_delay_us, run) => void setImmediate(run) };

const put = (key: string, value: string): DatabaseOperation => ({
  type: 'put',
  key: Buffer.from(key),
  value: Buffer.from(value),
});

function content(disk: SimDisk): string {
  return [...disk.records]
    .map(([key, value]) => `${key}=${value.toString()}`)
    .sort()
    .join();
}

describeDatabase(
  'the simulated disk',
  () => {
    const disk = new SimDisk(new RandomStream('conformance'), nobody);
    const behaviour = new DiskBehaviour(new RandomStream('conformance'), new Scheduler(), QUICK);
    return {
      open: async () => new SimDatabase(disk, behaviour, atOnce),
      powerCut: async () => disk.crash('power'),
      dispose: async () => undefined,
    };
  },
  { powerCut: true },
);

describe('a crash of a simulated disk', () => {
  /** What is found after a crash, over many seeds. */
  async function found(
    kind: 'process' | 'power',
    use: (database: SimDatabase, disk: SimDisk) => Promise<void>,
  ): Promise<ReadonlySet<string>> {
    const states = new Set<string>();
    for (let seed = 0; seed < 60; seed += 1) {
      const disk = new SimDisk(new RandomStream(`crash ${seed}`), nobody);
      const behaviour = new DiskBehaviour(new RandomStream('crash'), new Scheduler(), QUICK);
      await use(new SimDatabase(disk, behaviour, atOnce), disk);
      disk.crash(kind);
      states.add(content(disk));
    }
    return states;
  }

  test('takes nothing that was synced', async () => {
    const states = await found('power', async (database) => {
      await database.write([put('a', '1')], { sync: true });
      await database.write([put('a', '2')], { sync: true });
    });
    assert.deepEqual([...states], ['a=2']);
  });

  test('takes a number of unsynced batches from the end when the power fails, and none when a process dies', async () => {
    const use = async (database: SimDatabase): Promise<void> => {
      await database.write([put('a', '1')], { sync: true });
      await database.write([put('a', '2')], { sync: false });
      await database.write([put('b', '3')], { sync: false });
    };
    assert.deepEqual([...(await found('power', use))].sort(), ['a=1', 'a=2', 'a=2,b=3']);
    assert.deepEqual([...(await found('process', use))], ['a=2,b=3']);
  });

  test('may leave a synced batch without an unsynced one before it', async () => {
    const states = await found('power', async (database) => {
      await database.write([put('a', '1')], { sync: false });
      await database.write([put('b', '2')], { sync: true });
    });
    assert.ok(states.has('a=1,b=2') && states.has('b=2') && states.size === 2, [...states].join(' '));
  });

  test('leaves of the batch in flight all or nothing', async () => {
    const states = await found('process', async (database, disk) => {
      await database.write([put('a', '1')], { sync: true });
      disk.beginBatch([put('a', '2'), put('b', '2')]);
    });
    assert.deepEqual([...states].sort(), ['a=1', 'a=2,b=2']);
  });

  test('may take a checkpoint that was not synced, and never one that was', async () => {
    const kept = new Set<number | undefined>();
    for (let seed = 0; seed < 40; seed += 1) {
      const disk = new SimDisk(new RandomStream(`checkpoint ${seed}`), nobody);
      const behaviour = new DiskBehaviour(new RandomStream('checkpoint'), new Scheduler(), QUICK);
      const file = new SimCheckpointFile(disk, behaviour, atOnce);
      const checkpoint = {
        clusterId: 'c',
        nodeId: 'n',
        raftId: 1,
        vote: 0,
        recoveringTerm: 0,
        lastIndex: 0,
        lastTerm: 0,
        lastDigest: Buffer.alloc(32),
        logRewrites: 0,
      };
      await file.write({ ...checkpoint, term: 1 });
      await file.write({ ...checkpoint, term: 2 });
      await file.sync();
      await file.write({ ...checkpoint, term: 3 });
      disk.crash('power');
      kept.add(disk.checkpoint?.term);
    }
    assert.deepEqual(kept, new Set([2, 3]));
  });
});

describe('a simulated disk that fails', () => {
  function failing(): {
    readonly database: SimDatabase;
    readonly behaviour: DiskBehaviour;
    readonly disk: SimDisk;
  } {
    const disk = new SimDisk(new RandomStream('failing'), nobody);
    const behaviour = new DiskBehaviour(new RandomStream('failing'), new Scheduler(), QUICK);
    return { database: new SimDatabase(disk, behaviour, atOnce), behaviour, disk };
  }

  test('refuses everything after the first write that failed', async () => {
    const { behaviour, database } = failing();
    await database.write([put('a', '1')], { sync: true });
    behaviour.failNext('ENOSPC');
    await assert.rejects(database.write([put('b', '2')], { sync: true }), { code: 'store.faulted' });
    await assert.rejects(database.write([put('c', '3')], { sync: true }), { code: 'store.faulted' });
    assert.throws(() => database.get(Buffer.from('a'), 'it'), { code: 'store.faulted' });
  });

  test('does nothing for a process that has died', async () => {
    const { behaviour, disk } = failing();
    const dead = new SimDatabase(disk, behaviour, { alive: false, after: () => undefined });
    void dead.write([put('a', '1')], { sync: true });
    await new Promise(setImmediate);
    disk.crash('process');
    assert.equal(content(disk), '');
  });
});
