// SPDX-License-Identifier: Apache-2.0
// The command that rebuilds a manager, and the route behind it.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { RebuildWish } from '../../../src/cluster/index.ts';
import { CofferError } from '../../../src/common/index.ts';
import type { RebuildAdmin, RebuildDescription } from '../../../src/control/index.ts';
import { type CliHarness, withCli } from './cli-harness.ts';

const KNOWN = {
  nodeId: 'new1',
  replaces: 'old1',
  setAside: '/var/lib/coffer/damaged-20300101T000000Z',
} as const;
const TOKEN = 'coffer-1-m-nobody-knows-this-one';

/** A rebuild that takes these steps, one for each look. */
class FakeRebuild implements RebuildAdmin {
  steps: readonly RebuildDescription[] = [];
  refusal: CofferError | undefined;
  readonly wishes: RebuildWish[] = [];
  #current: RebuildDescription = { stage: 'none' };

  async describe(): Promise<RebuildDescription> {
    const [next, ...later] = this.steps;
    if (this.wishes.length > 0 && next !== undefined) {
      this.#current = next;
      this.steps = later;
    }
    return this.#current;
  }

  async begin(wish: RebuildWish): Promise<RebuildDescription> {
    this.wishes.push(wish);
    if (this.refusal !== undefined) {
      throw this.refusal;
    }
    return this.describe();
  }
}

async function withRebuild(
  work: (harness: CliHarness & { readonly rebuild: FakeRebuild }) => Promise<void>,
): Promise<void> {
  const rebuild = new FakeRebuild();
  await withCli({ rebuild }, (harness) => work({ ...harness, rebuild }));
}

test('a rebuild is followed from step to step, and ends with what became of what', async () => {
  await withRebuild(async ({ cli, rebuild }) => {
    rebuild.steps = [
      { stage: 'joined', ...KNOWN },
      { stage: 'joined', ...KNOWN, problem: 'this manager is being rebuilt, and waits' },
      { stage: 'copying', ...KNOWN, secrets: 1 },
      { stage: 'copying', ...KNOWN, secrets: 4_711 },
      { stage: 'done', ...KNOWN, secrets: 4_711 },
    ];
    const { code, stderr, stdout } = await cli(['rebuild']);
    assert.equal(code, 0);
    assert.deepEqual(stderr.trimEnd().split('\n'), [
      'joined as new1; the old id is being removed',
      'joined as new1; the old id is being removed (this manager is being rebuilt, and waits)',
      'the old id was removed; copied 1 secret',
      'the old id was removed; copied 4711 secrets',
      'promoted: it votes again, with 4711 secrets',
    ]);
    assert.match(
      stdout,
      /^ID: +new1\nOld ID: +old1, removed for good\nState: +it votes\nSecrets: +4711 secrets\n/,
    );
    assert.match(stdout, /Set aside: +(\S+) \(when nothing of it is needed: rm -r \1\)\n$/);
    assert.deepEqual(rebuild.wishes, [{ join: [], token: undefined }]);
  });
});

test('a rebuild is begun and left alone, and told to programs', async () => {
  await withRebuild(async ({ cli, rebuild }) => {
    rebuild.steps = [{ stage: 'joined', ...KNOWN }];
    const { code, stderr, stdout } = await cli([
      'rebuild',
      '--detach',
      '--format',
      'json',
      '--join',
      '10.0.0.1',
    ]);
    assert.deepEqual([code, stderr], [0, '']);
    const json = JSON.parse(stdout) as unknown;
    assert.deepEqual(json, { Stage: 'joined', NodeID: 'new1', Replaces: 'old1', SetAside: KNOWN.setAside });
    assert.deepEqual(rebuild.wishes, [{ join: ['10.0.0.1'], token: undefined }]);
  });
});

test('a join token comes from standard input or a file, and never from the command line', async () => {
  await withRebuild(async ({ cli, directory, rebuild }) => {
    const join = ['--join', '10.0.0.1', '--join', '10.0.0.2:7000'];
    rebuild.steps = [{ stage: 'done', ...KNOWN }];
    assert.equal((await cli(['rebuild', ...join, '--token', '-'], { stdin: `${TOKEN}\n` })).code, 0);
    const file = path.join(directory, 'token');
    writeFileSync(file, TOKEN);
    assert.equal((await cli(['rebuild', ...join, '--token', file])).code, 0);
    const wish = { join: ['10.0.0.1', '10.0.0.2:7000'], token: TOKEN };
    assert.deepEqual(rebuild.wishes, [wish, wish]);
    for (const [words, sentence] of [
      [['rebuild', ...join, '--token', TOKEN], /never taken from the command line/],
      [['rebuild', ...join, '--token', path.join(directory, 'none')], /cannot be read/],
      [['rebuild', '--token', file], /--token goes with --join/],
    ] as const) {
      const { code, stderr } = await cli([...words]);
      assert.equal(code, 1);
      assert.match(stderr, sentence);
      assert.ok(!stderr.includes(TOKEN));
    }
    assert.equal(rebuild.wishes.length, 2);
  });
});

test('a refusal is told with what to do instead', async () => {
  await withRebuild(async ({ cli, rebuild }) => {
    rebuild.refusal = new CofferError('cluster.rebuild', 'the store of this manager is healthy', {
      hint: 'See docker coffer doctor.',
    });
    assert.deepEqual(await cli(['rebuild']), {
      code: 2,
      stdout: '',
      stderr: 'coffer: the store of this manager is healthy\nSee docker coffer doctor.\n',
    });
  });
});

test('a daemon that has nothing to rebuild says so', async () => {
  await withCli({}, async ({ cli }) => {
    const { code, stderr } = await cli(['rebuild']);
    assert.equal(code, 2);
    assert.match(stderr, /nothing to rebuild/);
  });
});
