// SPDX-License-Identifier: Apache-2.0
// What the command line shows of an import from the swarm.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ImportDescription, ImportedSecret, ImportWish } from '../../../src/import/index.ts';
import { CofferError } from '../../../src/common/index.ts';
import { withCli } from './cli-harness.ts';

function secret(name: string, more: Partial<ImportedSecret> = {}): ImportedSecret {
  const services = [{ name: 'shop_web', state: 'unasked', stack: 'shop' }] as const;
  const whole = { state: 'imported', stored: false, version: 1, size: 12, replaced: false } as const;
  return { name, ...whole, services, successor: `${name}-coffer`, ...more };
}

/** A daemon whose import is like this, one look after the other; the last stays. */
function played(...looks: readonly ImportDescription[]): {
  readonly swarmImport: NonNullable<Parameters<typeof withCli>[0]['swarmImport']>;
  readonly wishes: ImportWish[];
} {
  const wishes: ImportWish[] = [];
  let at = 0;
  const look = (): ImportDescription => {
    const found = looks[Math.min(at, looks.length - 1)];
    assert.ok(found !== undefined);
    at += 1;
    return found;
  };
  const begin = async (wish: ImportWish): Promise<ImportDescription> => {
    wishes.push(wish);
    return look();
  };
  return { swarmImport: { plan: async () => look(), begin, progress: look }, wishes };
}

test('an import is followed to its end, and what it leaves to do is told', async () => {
  const waiting = secret('shop_key', {
    state: 'waiting',
    stack: 'shop',
    size: undefined,
    version: undefined,
  });
  const done = secret('shop_key', { stack: 'shop' });
  const { swarmImport, wishes } = played(
    { phase: 'reading', secrets: [waiting] },
    { phase: 'reading', secrets: [done] },
    { phase: 'done', secrets: [done, secret('outside')] },
  );
  await withCli({ swarmImport }, async ({ cli }) => {
    const { code, stderr, stdout } = await cli(['import', 'swarm', '--all']);
    assert.equal(code, 0);
    assert.equal(stderr, 'read 0 of 1 secret\nread 1 of 1 secret\n');
    assert.equal(
      stdout,
      `NAME       SIZE   IN COFFER   SERVICES
shop_key   12B    version 1   shop_web
outside    12B    version 1   shop_web

Nothing was restarted: shop_web still has them from the swarm. To have them from coffer, with a rolling update of each:
  coffer import swarm --all --apply

Then change the file of stack shop:
  secrets:
    key:
      name: shop_key-coffer
      driver: coffer
      labels: { coffer.name: shop_key }
    outside:
      external: true
      name: outside-coffer
`,
    );
  });
  assert.deepEqual(wishes, [{ names: [], apply: false, timeout_ms: 600_000 }]);
});

test('a dry run says what would be done', async () => {
  const { swarmImport, wishes } = played({
    phase: 'planned',
    secrets: [
      secret('a', { state: 'waiting', services: [], size: undefined, version: undefined }),
      secret('b', { state: 'waiting', stored: true, services: [], size: undefined, version: undefined }),
      secret('c', { state: 'left-out', note: 'it is a template', services: [] }),
    ],
  });
  await withCli({ swarmImport }, async ({ cli }) => {
    const { stdout } = await cli(['import', 'swarm', 'a', 'b', 'c', '--dry-run']);
    assert.equal(
      stdout.split('\n\n')[0],
      `NAME   SIZE   IN COFFER                                SERVICES
a             would become version 1
b             would be compared with what coffer has
c      12B    left out: it is a template`,
    );
  });
  assert.deepEqual(wishes, []);
});

test('a service that has what it had ends the command with 2, and one that is being updated is told', async () => {
  const web = (state: 'failed' | 'updated' | 'updating' | 'waiting', note?: string): ImportedSecret =>
    secret('db', {
      replaced: state === 'updated',
      services: [{ name: 'web', state, note }],
    });
  const failed = played(
    { phase: 'switching', secrets: [web('waiting')] },
    { phase: 'switching', secrets: [web('updating')] },
    { phase: 'done', secrets: [web('failed', 'its update is paused: secret not found')] },
  );
  await withCli(failed, async ({ cli }) => {
    const { code, stderr, stdout } = await cli(['import', 'swarm', 'db', '--apply', '--timeout', '1m']);
    assert.equal(code, 2);
    assert.equal(stderr, 'updated 0 of 1 service\nupdated 0 of 1 service; web is being updated\n');
    assert.match(stdout, /web \(has what it had: its update is paused: secret not found\)\n$/);
  });
  assert.deepEqual(failed.wishes, [{ names: ['db'], apply: true, timeout_ms: 60_000 }]);
  await withCli(played({ phase: 'done', secrets: [web('updated')] }), async ({ cli }) => {
    const { code, stdout } = await cli(['import', 'swarm', 'db', '--apply']);
    assert.equal(code, 0);
    assert.match(stdout, /version 1, and no more in the swarm +web \(updated\)\n$/);
  });
});

test('an import that fails as a whole says why, and shows what has come of it', async () => {
  const problem = {
    code: 'import.refused',
    message: 'the swarm gives no task',
    hint: 'docker node ls',
  } as const;
  await withCli(played({ phase: 'failed', secrets: [secret('a')], problem }), async ({ cli }) => {
    const { code, stderr, stdout } = await cli(['import', 'swarm', 'a', '--format', 'json']);
    assert.deepEqual(
      { code, stderr },
      { code: 2, stderr: 'coffer: the swarm gives no task\ndocker node ls\n' },
    );
    assert.match(stdout, /^\{"Name":"a","State":"imported"/);
  });
});

test('a swarm without secrets of its own has nothing to import', async () => {
  await withCli(played({ phase: 'done', secrets: [] }), async ({ cli }) => {
    const { code, stdout } = await cli(['import', 'swarm', '--all']);
    assert.deepEqual(
      { code, stdout },
      { code: 0, stdout: 'The swarm has no secret in its own store: there is nothing to import.\n' },
    );
    assert.equal((await cli(['import', 'swarm', '--all', '--format', 'json'])).stdout, '');
  });
});

const WRONG: readonly (readonly [words: readonly string[], says: string])[] = [
  [[], 'give names of secrets, or --all'],
  [['db', '--all'], 'give names of secrets, or --all'],
  [['--all', '--timeout', '1s'], "option '--timeout <duration>' argument '1s' is invalid."],
  [['no such'], 'the name is invalid'],
];

for (const [words, says] of WRONG) {
  test(`import swarm ${words.join(' ')} is refused before anything is done`, async () => {
    const { swarmImport, wishes } = played({ phase: 'done', secrets: [] });
    await withCli({ swarmImport }, async ({ cli }) => {
      const { code, stderr } = await cli(['import', 'swarm', ...words]);
      assert.equal(code, 1);
      assert.ok(stderr.includes(says), stderr);
    });
    assert.deepEqual(wishes, []);
  });
}

test('a daemon without an engine, or whose import goes on, says so', async () => {
  await withCli({}, async ({ cli }) => {
    const { code, stderr } = await cli(['import', 'swarm', '--all']);
    assert.equal(code, 2);
    assert.match(stderr, /no engine to import secrets from/);
  });
  const busy = async (): Promise<never> => {
    throw new CofferError('import.busy', 'an import from the swarm goes on at this manager');
  };
  const { swarmImport } = played({ phase: 'idle', secrets: [] });
  await withCli({ swarmImport: { ...swarmImport, begin: busy } }, async ({ cli }) => {
    const { code, stderr } = await cli(['import', 'swarm', '--all']);
    assert.equal(code, 2);
    assert.match(stderr, /goes on at this manager/);
  });
});
