// SPDX-License-Identifier: Apache-2.0
// Values that are not good for ever, on the command line.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withCli } from './cli-harness.ts';

test('put --expires sets until when a value is good, and leaves the other labels as they are', async () => {
  await withCli({}, async ({ cli, store }) => {
    const labels = (): unknown => store.byName('db')?.labels;
    await cli(['put', 'db', '-', '--label', 'env=prod'], { stdin: 'x' });
    assert.equal((await cli(['put', 'DB', '-', '--expires', '90d'], { stdin: 'y' })).code, 0);
    assert.deepEqual(labels(), { env: 'prod', 'coffer.expires': '90d' });
    await cli(['put', 'db', '-', '--label', 'env=test', '--expires', '2031-01-31'], { stdin: 'z' });
    assert.deepEqual(labels(), { env: 'test', 'coffer.expires': '2031-01-31' });
    await cli(['put', 'db', '-'], { stdin: 'again' });
    assert.deepEqual(labels(), { env: 'test', 'coffer.expires': '2031-01-31' }, 'it stays');
    const wrong = await cli(['put', 'db', '-', '--expires', 'soon'], { stdin: 'w' });
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /label coffer\.expires is a date such as 2027-01-31/);
    await cli(['put', 'new', '--generate', 'uuid', '--expires', '2d'], {});
    assert.deepEqual(store.byName('new')?.labels, { 'coffer.expires': '2d' });
  });
});

test('ls and inspect tell when values expire, and nothing where none does', async () => {
  await withCli({}, async ({ cli }) => {
    await cli(['put', 'plain', '-'], { stdin: 'x' });
    assert.doesNotMatch((await cli(['ls'])).stdout, /EXPIRES/);
    await cli(['put', 'gone', '-', '--expires', '2001-01-31'], { stdin: 'x' });
    const { stdout } = await cli(['ls']);
    assert.match(stdout, /^NAME .* UPDATED +EXPIRES$/m);
    assert.match(stdout, /^gone .* expired \d+ years ago$/m);
    assert.match(
      (await cli(['inspect', '--pretty', 'gone'])).stdout,
      /^Expires: +2001-01-31T00:00:00\.000Z, expired /m,
    );
    const lines = (await cli(['ls', '--format', 'json'])).stdout.trim().split('\n');
    const told = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
    assert.deepEqual(
      told.map((secret) => [secret['Name'], secret['ExpiresAt']]),
      [
        ['gone', '2001-01-31T00:00:00.000Z'],
        ['plain', undefined],
      ],
    );
  });
});
