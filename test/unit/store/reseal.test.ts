// SPDX-License-Identifier: Apache-2.0
// The end of a rotation of a data key: nothing of the old key is in LevelDB's files, whoever reads them meanwhile.
import assert from 'node:assert/strict';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { Keyring, sealRecord } from '../../../src/crypto/index.ts';
import { type DatabaseOperation, type KeyRange, LevelDatabase } from '../../../src/storage/index.ts';
import { type Clock, systemClock } from '../../../src/store/replica/clock.ts';
import { reseal } from '../../../src/store/replica/reseal.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';

const RECORDS = 500;
const VALUE_BYTES = 400;
const ALL: KeyRange = { from: Buffer.alloc(1), before: Buffer.from([0xff]) };

/** Timers that end at once; each counts, and is told when it is set. */
function hurriedClock(onTimer: () => void = () => undefined): Clock & { timers: number } {
  const clock = {
    ...systemClock,
    timers: 0,
    setTimer: (_delay_ms: number, callback: () => void) => {
      clock.timers += 1;
      onTimer();
      return systemClock.setTimer(0, callback, true);
    },
  };
  return clock;
}

describe('what is sealed anew', () => {
  let temporary: TemporaryDirectory;
  let database: LevelDatabase;
  let keyring: Keyring;

  beforeEach(async () => {
    temporary = temporaryDirectory();
    database = await LevelDatabase.open(path.join(temporary.path, 'database'));
    keyring = Keyring.generate();
    const operations = Array.from({ length: RECORDS }, (_, number): DatabaseOperation => {
      const key = Buffer.from(`r${String(number).padStart(5, '0')}`);
      return { type: 'put', key, value: sealRecord(keyring, key, Buffer.alloc(VALUE_BYTES, number)) };
    });
    await database.write(operations, { sync: true });
    // The records lie in a table, which a reader can hold.
    await database.compact();
  });
  afterEach(async () => {
    await database.close();
    temporary.remove();
  });

  const resealAll = (clock: Clock): Promise<void> => {
    keyring.activate(keyring.add());
    return reseal({
      database,
      keyring,
      clock,
      writer: {
        flushed: async () => undefined,
        renewCheckpoint: async () => undefined,
        writeAsOf: async (operations) => database.write(operations(), { sync: true }),
      },
      diskSpace: {
        free_bytes: 1e12,
        measure: async () => undefined,
        admit: () => true,
        fullError: () => new CofferError('store.disk-full', 'full'),
      },
      loaded: async () => undefined,
      onProgress: () => undefined,
    });
  };

  test('is alone in the files at once if nobody reads them', async () => {
    const old = keyring.active.id;
    assert.equal(await database.filesHold([old]), true);
    await resealAll(hurriedClock());
    assert.equal(await database.filesHold([old]), false);
  });

  test('is alone in the files as soon as a reader has let go of the old ones', async () => {
    const old = keyring.active.id;
    const reader = database.groups(ALL, 'what is read');
    const first = await reader.next();
    assert.ok(first.done !== true && first.value.length < RECORDS, 'it is at its beginning');
    const clock = hurriedClock(() => void reader.return(undefined));
    await resealAll(clock);
    assert.equal(await database.filesHold([old]), false);
  });

  test('is not believed to be alone while a reader holds the old files', async () => {
    const old = keyring.active.id;
    const reader = database.groups(ALL, 'what is read');
    await reader.next();
    const clock = hurriedClock();
    await assert.rejects(resealAll(clock), { code: 'store.busy' });
    assert.ok(clock.timers >= 5, 'it was tried several times');
    await reader.return(undefined);
    // The next rotation, or the next try of this one, finds them free.
    await resealAll(clock);
    assert.equal(await database.filesHold([old]), false);
  });
});
