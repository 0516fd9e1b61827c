// SPDX-License-Identifier: Apache-2.0
// Starts: the first one, interrupted at each of its steps; two at once; and what a refused one leaves.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { DiskCheckpointFile, LevelDatabase } from '../../../src/storage/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { buildTestProgram } from '../../support/program.ts';
import { openTestStore, putValue, withStore } from '../../support/test-store.ts';

let temporary: TemporaryDirectory;
let state: string;

beforeEach(() => {
  temporary = temporaryDirectory();
  state = path.join(temporary.path, 'state');
});
afterEach(() => temporary.remove());

const MIDDLE = 200;

const inState = (...names: readonly string[]): string => path.join(state, ...names);

/** The key file as it is until the first start has come to its end. */
function markUnfinished(): void {
  const text = readFileSync(inState('keys.json'), 'utf8');
  assert.ok(text.includes('"initialized": true'));
  writeFileSync(inState('keys.json'), text.replace('"initialized": true', '"initialized": false'));
}

/** What a first start had done when it was interrupted, told backwards from a finished one. */
const STAGES: readonly { readonly what: string; readonly leave: () => void }[] = [
  {
    what: 'nothing but the directory',
    leave: () => readdirSync(state).forEach((name) => rmSync(inState(name), { recursive: true })),
  },
  {
    what: 'the lock',
    leave: () =>
      ['keys.json', 'database', 'checkpoint'].forEach((name) => rmSync(inState(name), { recursive: true })),
  },
  {
    what: 'a piece of the key file, under its temporary name',
    leave: () => {
      ['keys.json', 'database', 'checkpoint'].forEach((name) => rmSync(inState(name), { recursive: true }));
      writeFileSync(inState('keys.json.new'), '{ "format": 1');
    },
  },
  {
    what: 'the keys',
    leave: () => ['database', 'checkpoint'].forEach((name) => rmSync(inState(name), { recursive: true })),
  },
  {
    what: 'the keys and a directory for the database',
    leave: () => {
      ['database', 'checkpoint'].forEach((name) => rmSync(inState(name), { recursive: true }));
      mkdirSync(inState('database'));
    },
  },
  {
    what: 'the keys and a database without CURRENT',
    leave: () => {
      rmSync(inState('checkpoint'));
      rmSync(inState('database', 'CURRENT'));
    },
  },
  {
    what: 'the keys and a database with half a log',
    leave: () => {
      rmSync(inState('checkpoint'));
      for (const name of readdirSync(inState('database')).filter((file) => file.endsWith('.log'))) {
        truncateSync(inState('database', name), Math.floor(statSync(inState('database', name)).size / 2));
      }
    },
  },
  {
    what: 'the keys, the database and an empty checkpoint',
    leave: () => truncateSync(inState('checkpoint'), 0),
  },
  { what: 'all but the last word in the key file', leave: () => undefined },
  {
    what: 'all, with the last word under its temporary name',
    leave: () => cpSync(inState('keys.json'), inState('keys.json.new')),
  },
];

describe('a first start that was interrupted', () => {
  for (const { what, leave } of STAGES) {
    test(`after it made ${what}: the next start serves`, async () => {
      await withStore(state, async () => undefined);
      markUnfinished();
      leave();
      await withStore(state, async (store) => {
        assert.deepEqual(store.list(), []);
        await putValue(store, 'first', Buffer.from('value'));
      });
      await withStore(state, async (store) => assert.equal(store.byName('first')?.versions.length, 1));
    });
  }

  test('by a step that failed: the next start serves', async (t) => {
    for (const spoil of [
      () => t.mock.method(LevelDatabase, 'open', async () => assert.fail('spoilt')),
      () => t.mock.method(LevelDatabase.prototype, 'write', async () => assert.fail('spoilt')),
      () => t.mock.method(DiskCheckpointFile, 'create', async () => assert.fail('spoilt')),
      () => t.mock.method(DiskCheckpointFile, 'open', async () => assert.fail('spoilt')),
    ]) {
      const spoilt = spoil();
      await assert.rejects(openTestStore(state), { code: 'store.faulted' });
      spoilt.mock.restore();
    }
    await withStore(state, async (store) => assert.deepEqual(store.list(), []));
  });
});

describe('a state directory', () => {
  test('is made for its owner alone, and its keys too', async () => {
    await withStore(path.join(state, 'deep', 'deeper'), async () => undefined);
    assert.equal(statSync(path.join(state, 'deep', 'deeper')).mode & 0o777, 0o700);
    assert.equal(statSync(path.join(state, 'deep', 'deeper', 'keys.json')).mode & 0o777, 0o600);
    assert.equal(statSync(path.join(state, 'deep', 'deeper', 'checkpoint')).mode & 0o777, 0o600);
  });

  test('serves one store at a time, also within one process', async () => {
    await withStore(state, async (store) => {
      await assert.rejects(openTestStore(state), (error: { code: string; hint: string }) => {
        assert.equal(error.code, 'store.in-use');
        assert.ok(error.hint.length > 0);
        return true;
      });
      await putValue(store, 'still-served', Buffer.from('value'));
    });
    await withStore(state, async (store) => assert.ok(store.byName('still-served')));
  });

  test('of two first starts at once, one wins and the other is told so', async () => {
    const outcomes = await Promise.allSettled([openTestStore(state), openTestStore(state)]);
    const [winner] = outcomes.filter((outcome) => outcome.status === 'fulfilled');
    const [loser] = outcomes.filter((outcome) => outcome.status === 'rejected');
    assert.ok(winner !== undefined && loser !== undefined);
    assert.equal((loser.reason as { code: string }).code, 'store.in-use');
    await putValue(winner.value, 'kept', Buffer.from('value'));
    await winner.value.close();
    await withStore(state, async (store) => assert.ok(store.byName('kept')));
  });

  test('is refused to a second process', async () => {
    const program = await buildTestProgram('store-writer');
    await withStore(state, async () => {
      const child = spawn(process.execPath, [program, state, '0', '1'], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let complaint = '';
      child.stderr.on('data', (chunk: Buffer) => {
        complaint += chunk.toString('utf8');
      });
      const [code] = (await once(child, 'close')) as [number | null];
      assert.equal(code, 1);
      assert.match(complaint, /store\.in-use/);
    });
  });

  test('with a damaged lock is served: nothing is in it', async () => {
    await withStore(state, async (store) => putValue(store, 'kept', Buffer.from('value')));
    for (const name of readdirSync(inState('lock'))) {
      truncateSync(inState('lock', name), 0);
    }
    await withStore(state, async (store) => assert.ok(store.byName('kept')));
  });

  test('of a refused start is as it was, and the right database put back is served', async () => {
    await withStore(state, async (store) => putValue(store, 'kept', Buffer.from('value')));
    cpSync(inState('database'), path.join(temporary.path, 'good'), { recursive: true });
    const [log] = readdirSync(inState('database')).filter((file) => file.endsWith('.log'));
    assert.ok(log !== undefined);
    const damaged = readFileSync(inState('database', log));
    damaged.writeUInt8(damaged.readUInt8(MIDDLE) ^ 1, MIDDLE);
    writeFileSync(inState('database', log), damaged);
    for (let start = 0; start < 3; start += 1) {
      await assert.rejects(openTestStore(state), { code: 'store.damaged' });
      assert.ok(
        readFileSync(inState('database', log)).equals(damaged),
        'LevelDB did not get to keep its mending',
      );
    }
    rmSync(inState('database'), { recursive: true });
    cpSync(path.join(temporary.path, 'good'), inState('database'), { recursive: true });
    await withStore(state, async (store) => assert.ok(store.byName('kept')));
  });

  test('B8: with an empty database in the place of its own is refused: this node has voted and acknowledged', async () => {
    await withStore(state, async (store) => putValue(store, 'kept', Buffer.from('value')));
    rmSync(inState('database'), { recursive: true });
    const empty = await LevelDatabase.open(inState('database'));
    await empty.close();
    await assert.rejects(openTestStore(state), { code: 'store.damaged' });
    rmSync(inState('database'), { recursive: true });
    await assert.rejects(openTestStore(state), { code: 'store.damaged' });
  });

  test('of a start that was killed while LevelDB mended a damaged log is still refused', async () => {
    await withStore(state, async (store) => {
      await putValue(store, 'one', Buffer.from('value'));
      await putValue(store, 'two', Buffer.from('value'));
    });
    const [log] = readdirSync(inState('database')).filter((file) => file.endsWith('.log'));
    assert.ok(log !== undefined);
    cpSync(inState('database'), inState('database.before-start'), { recursive: true });
    truncateSync(inState('database.before-start', log), 10);
    // The killed start left a database that looks whole, beside the one that it found.
    await assert.rejects(openTestStore(state), { code: 'store.damaged' });
    await assert.rejects(openTestStore(state), { code: 'store.damaged' });
  });
});
