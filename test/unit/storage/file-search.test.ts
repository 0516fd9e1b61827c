// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { filesHold } from '../../../src/storage/file-search.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';

const CHUNK_BYTES = 1024 * 1024;
const TEXT = Buffer.from('a1b2c3d4');

describe('a search through the files of a directory', () => {
  let temporary: TemporaryDirectory;
  beforeEach(() => {
    temporary = temporaryDirectory();
    writeFileSync(path.join(temporary.path, 'empty'), '');
  });
  afterEach(() => temporary.remove());

  for (const at of [
    0,
    1,
    CHUNK_BYTES - 8,
    CHUNK_BYTES - 7,
    CHUNK_BYTES - 1,
    CHUNK_BYTES,
    2 * CHUNK_BYTES + 5,
  ]) {
    test(`finds a text at byte ${at}, the last of its file too`, async () => {
      writeFileSync(path.join(temporary.path, 'file'), Buffer.concat([Buffer.alloc(at), TEXT]));
      assert.equal(await filesHold(temporary.path, [Buffer.from('another'), TEXT]), true);
    });
  }

  test('finds nothing where there is only the beginning of a text', async () => {
    writeFileSync(path.join(temporary.path, 'file'), TEXT.subarray(0, 7));
    assert.equal(await filesHold(temporary.path, [TEXT]), false);
  });

  test('finds nothing when nothing is looked for', async () => {
    writeFileSync(path.join(temporary.path, 'file'), TEXT);
    assert.equal(await filesHold(temporary.path, []), false);
  });
});
