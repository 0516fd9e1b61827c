// SPDX-License-Identifier: Apache-2.0
// Backups that earlier releases have made are restored, byte for byte.
import assert from 'node:assert/strict';
import { chmodSync, cpSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { temporaryDirectory } from '../support/cleanup.ts';
import { ManagerProcess } from '../support/manager-process.ts';
import { getSecret, valueIn } from '../support/secret-calls.ts';
import { FIXTURE_SECRETS, fixtureFile, fixtureValue } from '../unit/backup/fixtures/content.ts';

const FORMATS = readdirSync('test/unit/backup/fixtures').filter((name) => name.startsWith('format-'));

describe('an empty manager', () => {
  for (const format of FORMATS) {
    test(`is given what a backup of ${format} holds, each version as it was`, async (t) => {
      const temporary = temporaryDirectory();
      t.after(() => temporary.remove());
      const identity = path.join(temporary.path, 'identity');
      cpSync(fixtureFile(format, 'identity'), identity);
      chmodSync(identity, 0o600);
      const manager = await ManagerProcess.start();
      t.after(() => manager.destroy());
      await manager.serving();
      const file = path.resolve(fixtureFile(format, 'secrets.backup'));
      const { stdout } = await manager.cli(['restore', '--identity', identity, file]);
      assert.match(stdout, new RegExp(`${FIXTURE_SECRETS.length} secrets restored`));
      await manager.restart();
      await manager.serving();
      for (const { name, sizes_bytes } of FIXTURE_SECRETS) {
        const { versions } = (await manager.inspect(name)).secret;
        assert.equal(versions.at(-1)?.number, sizes_bytes.length, name);
        for (const { number: version } of versions) {
          const labels = { 'coffer.version': String(version) };
          const reply = await getSecret(manager, { secret: name, task: `task-${name}-${version}`, labels });
          const expected = fixtureValue(sizes_bytes[version - 1] ?? 0, version);
          assert.ok(valueIn(reply).equals(expected), `version ${version} of ${name}`);
        }
      }
    });
  }
});
