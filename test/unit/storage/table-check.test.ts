// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { checkTables, LevelDatabase } from '../../../src/storage/index.ts';
import { crc32c } from '../../../src/storage/crc32c.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

test('CRC-32C agrees with the examples of RFC 3720, appendix B.4', () => {
  const ascending = Buffer.from(Array.from({ length: 32 }, (_, byte) => byte));
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
  assert.equal(crc32c(ascending), 0x46dd794e);
  assert.equal(crc32c(Buffer.from(ascending).reverse()), 0x113fdb5c);
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  assert.equal(crc32c(Buffer.alloc(0)), 0);
});

describe("LevelDB's tables", () => {
  const random = new SeededRandom();
  let temporary: TemporaryDirectory;
  let directory: string;
  let table: string;

  beforeEach(async () => {
    temporary = temporaryDirectory();
    directory = path.join(temporary.path, 'database');
    const sizes = [...Array.from({ length: 300 }, () => random.below(200)), 300_000, 1, 5_000, 0];
    const database = await LevelDatabase.open(directory);
    await database.write(
      sizes.map((size, number) => ({
        type: 'put',
        key: Buffer.from(`key-${number}`),
        value: random.bytes(size),
      })),
      { sync: false },
    );
    await database.close();
    // LevelDB makes a table of its log when it opens.
    await (await LevelDatabase.open(directory)).close();
    const [name] = readdirSync(directory).filter((file) => file.endsWith('.ldb'));
    assert.ok(name !== undefined);
    table = path.join(directory, name);
  });
  afterEach(() => temporary.remove());

  test('pass as LevelDB wrote them', async () => {
    await checkTables(directory);
  });

  test('with any byte altered are named, but for what pads the footer', async (t) => {
    t.diagnostic(random.description);
    const content = readFileSync(table);
    const positions = [
      ...Array.from({ length: 60 }, () => random.below(content.length - 48)),
      // The last blocks: the filter, the index of the filters, and the index.
      ...Array.from({ length: 60 }, (_, back) => content.length - 49 - back * 7),
    ];
    for (const at of positions) {
      const altered = Buffer.from(content);
      altered.writeUInt8(altered.readUInt8(at) ^ (1 << random.below(8)), at);
      writeFileSync(table, altered);
      await assert.rejects(
        checkTables(directory),
        { code: 'store.damaged' },
        `byte ${at} of ${content.length}`,
      );
    }
    for (let at = content.length - 48; at < content.length - 8; at += 1) {
      const altered = Buffer.from(content);
      altered.writeUInt8(altered.readUInt8(at) ^ 0x80, at);
      writeFileSync(table, altered);
      // Either it is padding, or it is found: never anything else.
      await checkTables(directory).catch((error: unknown) => {
        assert.equal((error as { code: string }).code, 'store.damaged');
      });
    }
  });

  test('without a footer are left to LevelDB: a crash leaves such files', async () => {
    const content = readFileSync(table);
    for (const length of [0, 1, 47, 48, content.length - 1]) {
      writeFileSync(path.join(directory, '999999.ldb'), content.subarray(0, length));
      await checkTables(directory);
    }
    await (await LevelDatabase.open(directory)).close();
    assert.ok(!readdirSync(directory).includes('999999.ldb'), 'LevelDB deletes it');
  });
});
