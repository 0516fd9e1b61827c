// SPDX-License-Identifier: Apache-2.0
// The key file, the copy that a start keeps, and the database's own promises.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Level } from 'level';
import { Keyring } from '../../../src/crypto/index.ts';
import { LevelDatabase, readKeyFile, StartCopy, writeKeyFile } from '../../../src/storage/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';

let temporary: TemporaryDirectory;
const inside = (...names: readonly string[]): string => path.join(temporary.path, ...names);

beforeEach(() => {
  temporary = temporaryDirectory();
});
afterEach(() => temporary.remove());

describe('the key file', () => {
  test('gives the keys back, and is for its owner alone', async () => {
    const keyring = Keyring.generate();
    const file = inside('keys.json');
    assert.equal(await readKeyFile(file), undefined);
    await writeKeyFile(file, { keyring, initialized: false });
    assert.equal((await readKeyFile(file))?.initialized, false);
    await writeKeyFile(file, { keyring, initialized: true });
    const read = await readKeyFile(file);
    assert.equal(read?.initialized, true);
    assert.deepEqual(read.keyring.active, keyring.active);
    assert.deepEqual(read.keyring.indexKey, keyring.indexKey);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(temporary.path), ['keys.json']);
  });

  test('of an older version is refused with what can be done, and another one with no word of it', async () => {
    const file = inside('keys.json');
    await writeKeyFile(file, { keyring: Keyring.generate(), initialized: true });
    const content = readFileSync(file, 'utf8');
    assert.ok(content.includes('"format": 3'));
    writeFileSync(file, content.replace('"format": 3', '"format": 2'));
    await assert.rejects(readKeyFile(file), {
      code: 'store.damaged',
      detail: `${file} belongs to a store of an older version of coffer`,
      hint: 'Go back to the version that wrote it, or move the state directory away to begin with an empty store.',
    });
    writeFileSync(file, content.replace('"format": 3', '"format": 4'));
    await assert.rejects(readKeyFile(file), /is not a key file that this version can read/);
  });

  test('with any bit flipped still gives these keys, or is refused without a word of them', async () => {
    const keyring = Keyring.generate();
    const file = inside('keys.json');
    await writeKeyFile(file, { keyring, initialized: true });
    const content = readFileSync(file);
    const secret = keyring.active.bytes.toString('base64');
    for (let bit = 0; bit < content.length * 8; bit += 1) {
      const altered = Buffer.from(content);
      altered.writeUInt8(altered.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      writeFileSync(file, altered);
      try {
        const read = await readKeyFile(file);
        assert.deepEqual(read?.keyring.active, keyring.active);
        assert.deepEqual(read?.keyring.indexKey, keyring.indexKey);
        assert.equal(read?.initialized, true, `bit ${bit}`);
      } catch (error) {
        assert.equal((error as { code: string }).code, 'store.damaged', String(error));
        assert.ok(!String(error).includes(secret.slice(4, 12)));
      }
    }
  });
});

describe('the copy of a database that a start keeps', () => {
  let database: string;
  let copy: StartCopy;
  const names = (): readonly string[] => readdirSync(temporary.path).sort();

  beforeEach(() => {
    database = inside('database');
    copy = new StartCopy(database);
    mkdirSync(database);
    writeFileSync(path.join(database, '000003.log'), 'as it was');
  });

  test('puts back what was deleted and takes away what was made', async () => {
    await copy.make();
    writeFileSync(path.join(database, '000005.ldb'), 'new');
    await copy.restore();
    assert.deepEqual(readdirSync(database), ['000003.log']);
    assert.equal(readFileSync(path.join(database, '000003.log'), 'utf8'), 'as it was');
    assert.deepEqual(names(), ['database']);
  });

  test('once discarded is gone: nothing is put back', async () => {
    await copy.make();
    await copy.discard();
    writeFileSync(path.join(database, '000005.ldb'), 'new');
    await copy.restore();
    assert.deepEqual(readdirSync(database).sort(), ['000003.log', '000005.ldb']);
    assert.deepEqual(names(), ['database']);
  });

  test('that was not finished, or half thrown away, is not put back', async () => {
    for (const rest of ['database.before-start.new', 'database.before-start.old']) {
      mkdirSync(inside(rest));
      await copy.restore();
      assert.deepEqual(readdirSync(database), ['000003.log']);
      await copy.make();
      await copy.discard();
      assert.deepEqual(names(), ['database'], 'and the next one clears it away');
    }
  });

  test('is put back also when the database was taken away already', async () => {
    await copy.make();
    rmSync(database, { recursive: true });
    await copy.restore();
    assert.deepEqual(readdirSync(database), ['000003.log']);
  });
});

describe('the database', () => {
  test('after a write that failed takes no other and gives nothing, since LevelDB would lose it', async (t) => {
    const database = await LevelDatabase.open(inside('database'));
    const [key, value] = [Buffer.from('key'), Buffer.from('value')];
    await database.write([{ type: 'put', key, value }], { sync: true });
    t.mock.method(Level.prototype, 'batch', () => ({
      put: () => undefined,
      write: async () => Promise.reject(new Error('IO error: no space')),
    }));
    await assert.rejects(database.write([{ type: 'put', key, value }], { sync: true }), {
      code: 'store.faulted',
    });
    t.mock.restoreAll();
    await assert.rejects(database.write([{ type: 'put', key, value }], { sync: true }), {
      code: 'store.faulted',
    });
    assert.throws(() => database.get(key, 'it'), { code: 'store.faulted' });
    await database.close();
  });

  test('after a read that failed goes on: the damage is that record alone', async (t) => {
    const database = await LevelDatabase.open(inside('database'));
    const [key, value] = [Buffer.from('key'), Buffer.from('value')];
    t.mock.method(Level.prototype, 'getSync', () => {
      throw new Error('Corruption: bad block');
    });
    assert.throws(() => database.get(key, 'the thing'), /store\.damaged.*cannot read the thing/);
    t.mock.restoreAll();
    await database.write([{ type: 'put', key, value }], { sync: true });
    assert.deepEqual(database.get(key, 'it'), value);
    await database.close();
  });

  test('has one writer: a second batch in flight is a bug', async () => {
    const database = await LevelDatabase.open(inside('database'));
    const operation = { type: 'put', key: Buffer.from('key'), value: Buffer.from('value') } as const;
    const first = database.write([operation], { sync: true });
    await assert.rejects(database.write([operation], { sync: true }), { code: 'internal.invariant' });
    await first;
    await database.close();
  });

  test('does not open when LevelDB would drop a piece of its log without a word', async () => {
    const directory = inside('database');
    const database = await LevelDatabase.open(directory);
    for (let number = 0; number < 20; number += 1) {
      await database.write([{ type: 'put', key: Buffer.from(`${number}`), value: Buffer.alloc(100) }], {
        sync: false,
      });
    }
    await database.close();
    const [name = ''] = readdirSync(directory).filter((file) => file.endsWith('.log'));
    const content = readFileSync(path.join(directory, name));
    const middle = Math.floor(content.length / 2);
    content.writeUInt8(content.readUInt8(middle) ^ 1, middle);
    writeFileSync(path.join(directory, name), content);
    await assert.rejects(
      LevelDatabase.open(directory),
      /store\.damaged.*LevelDB lost records.*dropping \d+ bytes/,
    );
  });

  test('opens for one at a time', async () => {
    const database = await LevelDatabase.open(inside('database'));
    await assert.rejects(LevelDatabase.open(inside('database')), { code: 'store.in-use' });
    await database.close();
  });
});
