// SPDX-License-Identifier: Apache-2.0
// Backups that earlier releases have made are read as they were written, byte for byte.
import assert from 'node:assert/strict';
import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { type Opening, parseIdentityFile } from '../../../src/backup/index.ts';
import { VERSIONS_KEPT } from '../../../src/secrets/index.ts';
import { readBack } from './backup-harness.ts';
import { FIXTURE_PASSPHRASE, FIXTURE_SECRETS, fixtureFile, fixtureValue } from './fixtures/content.ts';

const FORMATS = readdirSync('test/unit/backup/fixtures').filter((name) => name.startsWith('format-'));

/** Read as it was written, whatever the newest way to write one would be. */
function textOf(format: string, file: 'identity' | 'expected.json'): string {
  return readFileSync(fixtureFile(format, file), 'utf8');
}

test('there is a backup of each format that there was', () => assert.deepEqual(FORMATS, ['format-1']));

for (const format of FORMATS) {
  describe(`a backup of ${format}`, () => {
    const openings: readonly (readonly [string, () => Opening])[] = [
      ['its passphrase', () => ({ passphrase: Buffer.from(FIXTURE_PASSPHRASE) })],
      ['an identity', () => ({ identity: parseIdentityFile(textOf(format, 'identity')) })],
    ];
    for (const [key, opening] of openings) {
      test(`opens with ${key}, and holds what was put into it`, async () => {
        const file = createReadStream(fixtureFile(format, 'secrets.backup'));
        const { first, kept, last } = await readBack(file, opening());
        const read = { first, secrets: kept.map(({ secret }) => secret), last };
        assert.deepEqual(JSON.parse(JSON.stringify(read)), JSON.parse(textOf(format, 'expected.json')));
        assert.equal(kept.length, FIXTURE_SECRETS.length);
        for (const { destroyed = [], labels, name, sizes_bytes } of FIXTURE_SECRETS) {
          const found = kept.find(({ secret }) => secret.name === name);
          const versions = [...sizes_bytes.entries()]
            .slice(-VERSIONS_KEPT)
            .filter(([place]) => !destroyed.includes(place + 1));
          assert.deepEqual({ ...found?.secret.labels }, labels);
          assert.deepEqual(
            found?.secret.versions.map(({ number }) => number),
            versions.map(([place]) => place + 1),
          );
          assert.deepEqual(
            found?.secret.destroyed.map(({ number }) => number),
            destroyed,
          );
          assert.deepEqual(
            found?.values,
            versions.map(([place, size_bytes]) => fixtureValue(size_bytes, place + 1)),
          );
        }
      });
    }
  });
}
