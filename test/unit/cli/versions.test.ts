// SPDX-License-Identifier: Apache-2.0
// What the command line shows and does with the versions of a secret.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Cli, NOW_MS, withCli } from './cli-harness.ts';

/** Puts one value after the other under a name. */
async function putAll(cli: Cli, name: string, values: readonly string[]): Promise<void> {
  for (const value of values) {
    assert.equal((await cli(['put', name, '-'], { stdin: value })).code, 0);
  }
}

test('history lists the versions of a secret, newest first, and which one a rollback goes to', async () => {
  await withCli({}, async ({ cli }) => {
    await putAll(cli, 'db', ['a', 'bb', 'c'.repeat(1_500)]);
    assert.deepEqual(await cli(['history', 'DB']), {
      code: 0,
      stdout: [
        'VERSION   CREATED              SIZE    STATUS',
        '3         About a minute ago   1.5kB   current',
        '2         About a minute ago   2B      previous',
        '1         About a minute ago   1B      older',
        '',
      ].join('\n'),
      stderr: '',
    });
    assert.equal((await cli(['history', 'db', '-q'])).stdout, '3\n2\n1\n');
    const [newest = ''] = (await cli(['history', 'db', '--format', 'json'])).stdout.split('\n');
    assert.deepEqual(JSON.parse(newest), {
      Version: 3,
      CreatedAt: new Date(NOW_MS).toISOString(),
      Size: 1_500,
      Status: 'current',
    });
    const { code, stderr } = await cli(['history', 'nothing']);
    assert.equal(code, 2);
    assert.match(stderr, /^coffer: secret nothing not found\nList the secrets with: docker coffer ls\n$/);
  });
});
