// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ledger, LedgerEntry } from '../../../src/control/index.ts';
import { type CliHarness, NOW_MS, withCli } from './cli-harness.ts';

const ID = 'abcdefghijklmnopqrstuvwxy';

/** A task of service `web` on `web-1` with version 3 of db, which is current; or what differs from that. */
function entry(rest: Partial<LedgerEntry> = {}): LedgerEntry {
  return {
    secret: 'db',
    version: 3,
    current: 3,
    state: 'current',
    pinned: false,
    via: 'secret',
    service: { id: `s1${ID}`, name: 'web' },
    task: `t1${ID}`,
    node: { id: `n1${ID}`, hostname: 'web-1' },
    givenAt_ms: NOW_MS,
    ...rest,
  };
}

const ENTRIES: readonly LedgerEntry[] = [
  entry({ secret: 'db10', task: `t9${ID}`, version: 1, state: 'removed', current: undefined }),
  entry(),
  entry({ task: `t2${ID}`, version: 1, state: 'stale', pinned: true, service: { id: `s2${ID}`, name: '' } }),
  entry({ secret: 'api', version: undefined, state: 'unknown', givenAt_ms: undefined }),
  entry({
    via: 'volume',
    version: 2,
    state: 'stale',
    task: undefined,
    service: undefined,
    container: { id: `c1${ID}`, name: 'cache' },
    node: { id: `n2${ID}`, hostname: '' },
    givenAt_ms: undefined,
  }),
];

async function withLedger(
  ledger: Partial<Ledger>,
  work: (harness: CliHarness) => Promise<void>,
): Promise<void> {
  await withCli({ ledger: async () => ({ entries: [], gaps: [], ...ledger }) }, work);
}

test('ps shows who holds which version, secrets in natural order', async () => {
  await withLedger({ entries: ENTRIES }, async ({ cli }) => {
    const { code, stderr, stdout } = await cli(['ps']);
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(
      stdout,
      [
        'SECRET   VERSION   STATE           SERVICE           TASK           NODE           SINCE',
        'api      ?         unknown         web               t1abcdefghij   web-1          ?',
        'db       1         stale, pinned   s2abcdefghij      t2abcdefghij   web-1          About a minute ago',
        'db       2         stale           container cache   c1abcdefghij   n2abcdefghij   ?',
        'db       3         current         web               t1abcdefghij   web-1          About a minute ago',
        'db10     1         removed         web               t9abcdefghij   web-1          About a minute ago',
        '',
      ].join('\n'),
    );
    assert.match((await cli(['ps', '--no-trunc'])).stdout, new RegExp(`container cache +c1${ID} +n2${ID} `));
    assert.equal((await cli(['ps', 'API'])).stdout.trimEnd().split('\n').length, 2);
  });
});

test('ps prints ids, each once, or JSON in docker’s form', async () => {
  await withLedger({ entries: ENTRIES }, async ({ cli }) => {
    const ids = ['t1', 't2', 'c1', 't9'];
    assert.equal((await cli(['ps', '-q'])).stdout, ids.map((id) => `${id}abcdefghij\n`).join(''));
    assert.equal((await cli(['ps', '-q', '--no-trunc'])).stdout, ids.map((id) => `${id}${ID}\n`).join(''));
    const { stdout } = await cli(['ps', '--format', 'json', 'db10']);
    assert.deepEqual(JSON.parse(stdout), {
      Secret: 'db10',
      Version: 1,
      State: 'removed',
      Pinned: false,
      Via: 'secret',
      Service: { ID: `s1${ID}`, Name: 'web' },
      Task: `t9${ID}`,
      Node: { ID: `n1${ID}`, Hostname: 'web-1' },
      GivenAt: '2026-01-15T12:00:00.000Z',
    });
  });
});

test('ps --stale shows what was replaced or removed, and says of how many nobody knows', async () => {
  await withLedger({ entries: ENTRIES }, async ({ cli }) => {
    const { code, stderr, stdout } = await cli(['ps', '--stale', '-q']);
    assert.deepEqual([code, stdout], [0, 't2abcdefghij\nc1abcdefghij\nt9abcdefghij\n']);
    assert.equal(
      stderr,
      'coffer: of 1 holder the version is not known, so that it may be an old one\nSee them without --stale: coffer ps\n',
    );
    assert.equal((await cli(['ps', '--stale', 'db'])).stderr, '');
  });
});

test('ps shows any of the services, containers or nodes of one filter, and all filters together', async () => {
  await withLedger({ entries: ENTRIES }, async ({ cli }) => {
    const ids = async (...filters: readonly string[]): Promise<string> => {
      const { code, stdout } = await cli(['ps', '-q', ...filters.flatMap((filter) => ['-f', filter])]);
      assert.equal(code, 0);
      return stdout.replaceAll('abcdefghij', '').trimEnd().replaceAll('\n', ' ');
    };
    assert.equal(await ids('service=web'), 't1 t9');
    assert.equal(await ids('service=we'), '', 'names are whole');
    assert.equal(await ids('service=s2ab', 'service=web'), 't1 t2 t9');
    assert.equal(await ids('container=cache'), 'c1');
    assert.equal(await ids('node=web-1', 'service=s2'), 't2');
    assert.equal(await ids('node=n2'), 'c1');
    assert.equal(await ids('node='), '');
  });
});

test('ps says what it cannot show, and ends well without anybody to show', async () => {
  const gaps = [{ code: 'engine.refused', message: 'no tasks are shown', hint: 'Ask another node.' }];
  await withLedger({ gaps }, async ({ cli, store }) => {
    store.freshness = 'local';
    const { code, stderr, stdout } = await cli(['ps']);
    assert.deepEqual([code, stdout], [0, 'SECRET   VERSION   STATE   SERVICE   TASK   NODE   SINCE\n']);
    assert.match(stderr, /may be old\ncoffer: no tasks are shown\nAsk another node\.\n$/);
    const mistaken = await cli(['ps', 'nothing']);
    assert.deepEqual([mistaken.code, mistaken.stdout], [2, '']);
    assert.match(mistaken.stderr, /^coffer: coffer holds no secret nothing, and nobody has one\n/);
  });
});
