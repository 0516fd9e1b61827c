// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Keyring } from '../../../src/crypto/index.ts';
import { type Checkpoint, DiskCheckpointFile } from '../../../src/storage/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

const SLOT_STRIDE_BYTES = 4_096;
const SLOTS = 3;
const keyring = Keyring.generate();

const checkpoint = (lastIndex: number): Checkpoint => ({
  clusterId: 'c'.repeat(25),
  nodeId: 'n'.repeat(25),
  raftId: 2 ** 48 - 1,
  term: 7,
  vote: Number.MAX_SAFE_INTEGER - 2,
  lastIndex,
  lastTerm: 7,
  lastDigest: Buffer.alloc(32, lastIndex),
  logRewrites: lastIndex % 3,
  recoveringTerm: lastIndex % 2 === 0 ? 6 : 0,
});

/** A promise, and what resolves it. */
function gate(): readonly [Promise<void>, () => void] {
  let open = (): void => undefined;
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return [promise, () => open()];
}

describe('the checkpoint file', () => {
  let temporary: TemporaryDirectory;
  let file: string;

  beforeEach(() => {
    temporary = temporaryDirectory();
    file = path.join(temporary.path, 'checkpoint');
  });
  afterEach(() => temporary.remove());

  async function read(from: string = file): Promise<number> {
    const opened = await DiskCheckpointFile.open(from, keyring);
    await opened.file.close();
    return opened.checkpoint.lastIndex;
  }

  /** The slots in which two states of the file differ. */
  function slotsWritten(before: Buffer, after: Buffer): readonly number[] {
    return [0, 1, 2].filter((slot) => {
      const [start, end] = [slot * SLOT_STRIDE_BYTES, (slot + 1) * SLOT_STRIDE_BYTES];
      return !before.subarray(start, end).equals(after.subarray(start, end));
    });
  }

  test('gives back what was written last, at once and after a close', async () => {
    const made = await DiskCheckpointFile.create(file, keyring, checkpoint(0));
    assert.equal(await read(), 0);
    for (let index = 1; index <= 10; index += 1) {
      await made.write(checkpoint(index));
      assert.equal(await read(), index, 'a reader sees it without a sync');
    }
    await made.close();
    const opened = await DiskCheckpointFile.open(file, keyring);
    assert.deepEqual(opened.checkpoint, checkpoint(10));
    await opened.file.close();
  });

  test('never writes over what is durable, so any write may be torn or never reach the disk', async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    const made = await DiskCheckpointFile.create(file, keyring, checkpoint(0));
    let durable = 0;
    for (let index = 1; index <= 60; index += 1) {
      const before = readFileSync(file);
      await made.write(checkpoint(index));
      const after = readFileSync(file);
      const [slot, ...others] = slotsWritten(before, after);
      assert.ok(slot !== undefined && others.length === 0, 'one write concerns one slot');
      // The write is torn: any part of the slot is as it was, or zeros.
      const torn = Buffer.from(after);
      const start = slot * SLOT_STRIDE_BYTES + random.below(400);
      torn.fill(random.pick([0, 0xff]), start, start + 1 + random.below(100));
      const copy = `${file}.torn`;
      writeFileSync(copy, torn);
      assert.ok((await read(copy)) >= durable, `after checkpoint ${index}, ${durable} is durable`);
      if (random.below(3) === 0) {
        await made.sync();
        durable = index;
      }
    }
    await made.close();
  });

  test('writes nothing of what is prepared before its write, and nothing of it in the place of another', async () => {
    const made = await DiskCheckpointFile.create(file, keyring, checkpoint(0));
    const [first, second] = [checkpoint(1), checkpoint(2)];
    const before = readFileSync(file);
    made.prepare(first);
    assert.deepEqual(readFileSync(file), before);
    await made.write(first);
    assert.equal(await read(file), 1);
    made.prepare(first);
    await made.write(second);
    assert.equal(await read(file), 2);
    await made.write(first);
    assert.equal(await read(file), 1, 'the newest is what was written last');
    await made.close();
  });

  test('goes on from a file whose last writer was killed, without writing over what it read', async () => {
    const made = await DiskCheckpointFile.create(file, keyring, checkpoint(0));
    await made.write(checkpoint(1));
    const killed = `${file}.killed`;
    copyFileSync(file, killed);
    await made.close();
    const opened = await DiskCheckpointFile.open(killed, keyring);
    const before = readFileSync(killed);
    await opened.file.write(checkpoint(2));
    await opened.file.write(checkpoint(3));
    const [slot] = slotsWritten(before, readFileSync(killed));
    const torn = readFileSync(killed).fill(
      0,
      (slot ?? 0) * SLOT_STRIDE_BYTES,
      ((slot ?? 0) + 1) * SLOT_STRIDE_BYTES,
    );
    writeFileSync(`${killed}.torn`, torn);
    assert.equal(await read(`${killed}.torn`), 1);
    await opened.file.close();
  });

  test('resolves every sync only when what was written before it is on the disk', async (t) => {
    const made = await DiskCheckpointFile.create(file, keyring, checkpoint(0));
    const handle = await open(file, 'r');
    const prototype = Object.getPrototypeOf(handle) as typeof handle;
    await handle.close();
    let [begun, finished] = [0, 0];
    const [started, start] = gate();
    const [held, release] = gate();
    t.mock.method(prototype, 'datasync', async () => {
      begun += 1;
      start();
      await held;
      finished += 1;
    });
    await made.write(checkpoint(1));
    const first = made.sync();
    await started;
    await made.write(checkpoint(2));
    const later = [made.sync(), made.sync(), made.sync()].map((sync) => sync.then(() => finished));
    assert.equal(begun, 1, 'one sync is under way at a time');
    release();
    assert.deepEqual(await Promise.all(later), [2, 2, 2], 'the one under way began before the second write');
    await first;
    await made.sync();
    assert.equal(finished, 2, 'what is durable is not synced again');
    t.mock.restoreAll();
    await made.close();
  });

  test('is refused when no slot is whole, when it is gone, and under other keys', async () => {
    const made = await DiskCheckpointFile.create(file, keyring, checkpoint(1));
    await made.close();
    await assert.rejects(DiskCheckpointFile.open(file, Keyring.generate()), { code: 'store.damaged' });
    await assert.rejects(DiskCheckpointFile.open(`${file}.gone`, keyring), { code: 'store.damaged' });
    const content = readFileSync(file);
    assert.equal(content.length, SLOTS * SLOT_STRIDE_BYTES, 'the slots are there from the beginning');
    // Magic, sequence, length, and then as many bytes as the length says.
    const used_bytes = 18 + 8 + 4 + content.readUInt32BE(18 + 8);
    assert.ok(used_bytes > 200);
    for (let at = 0; at < used_bytes; at += 1) {
      const altered = Buffer.from(content);
      altered.writeUInt8(altered.readUInt8(at) ^ 1, at);
      writeFileSync(file, altered);
      await assert.rejects(DiskCheckpointFile.open(file, keyring), { code: 'store.damaged' }, `byte ${at}`);
    }
  });
});
