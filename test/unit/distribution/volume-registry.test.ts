// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { silentLogger } from '../../../src/common/index.ts';
import { VolumeRegistry } from '../../../src/distribution/agent/volume-registry.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/cleanup.ts';

const CREATED_AT = '2026-01-01T00:00:00.000Z';

describe('the list of volumes', () => {
  let directory: TemporaryDirectory;
  beforeEach(() => {
    directory = temporaryDirectory();
  });
  afterEach(() => directory.remove());

  const volume = (name: string, options: Readonly<Record<string, string>> = {}) => ({
    name,
    options,
    createdAt: CREATED_AT,
  });

  test('is there again after a restart, whatever came at once', async () => {
    const registry = await VolumeRegistry.open(directory.path, silentLogger);
    assert.deepEqual(registry.list(), []);
    await Promise.all([
      registry.put(volume('a')),
      registry.put(volume('b', { secret: 'x' })),
      registry.put(volume('c')),
      registry.remove('none'),
    ]);
    await Promise.all([registry.remove('c'), registry.put(volume('b', { secret: 'y' }))]);
    const again = await VolumeRegistry.open(directory.path, silentLogger);
    assert.deepEqual(again.list(), [volume('a'), volume('b', { secret: 'y' })]);
    assert.equal(again.get('c'), undefined);
  });

  for (const text of [
    '',
    'nonsense',
    '{"format":2,"volumes":[]}',
    '{"format":1,"volumes":[{"name":"../x","options":{},"createdAt":""}]}',
  ]) {
    test(`is set aside and begun anew, with a word in the log, if it is ${text || 'empty'}`, async () => {
      const file = path.join(directory.path, 'volumes.json');
      writeFileSync(file, text);
      const said: string[] = [];
      const logger = { ...silentLogger, error: (sentence: string) => said.push(sentence) };
      const registry = await VolumeRegistry.open(directory.path, logger);
      assert.deepEqual(registry.list(), []);
      assert.equal(said.length, 1);
      assert.equal(readFileSync(`${file}.damaged`, 'utf8'), text);
      await registry.put(volume('a'));
      const again = await VolumeRegistry.open(directory.path, silentLogger);
      assert.deepEqual(again.list(), [volume('a')]);
    });
  }

  test('stays what it was when it cannot be written', async () => {
    const registry = await VolumeRegistry.open(directory.path, silentLogger);
    directory.remove();
    await assert.rejects(registry.put(volume('a')), { code: 'volume.unavailable' });
    assert.deepEqual(registry.list(), []);
  });
});
