// SPDX-License-Identifier: Apache-2.0
// Who may mount which secrets without a swarm: nobody, until somebody grants it, and no longer than that.
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { TEST_IMAGE } from '../../support/busybox.ts';
import { Container, containerRun, TARGET } from '../../support/container.ts';
import { type Installation, linesOf } from '../../support/installation.ts';
import {
  clearVolumes,
  grant,
  mountsBelow,
  putAndGrant,
  unmounted,
  volumeMount,
} from '../../support/volumes.ts';
import { waitFor } from '../../support/wait-for.ts';

/** Far more than the second that is promised: a machine may be busy. */
const wipe_ms_max = 15_000;

export function volumeGrantStories(of: () => Installation): void {
  /** Runs a container that is expected not to start. Resolves to what docker says. */
  const refused = async (name: string, words: readonly string[]): Promise<string> => {
    const { code, stderr } = await of().engine.tryDocker(containerRun(name, ['--detach', ...words]));
    assert.equal(code, 125, `${name}: ${stderr}`);
    return stderr;
  };
  /** Resolves to the time from now until the container has no such file, in milliseconds. */
  const gone = async (container: Container, file: string): Promise<number> => {
    const startedAt = performance.now();
    await waitFor(() => !container.files().includes(file), {
      what: `${file} to be gone from the container`,
      timeout_ms: wipe_ms_max,
      interval_ms: 5,
    });
    return performance.now() - startedAt;
  };

  describe('a container that is granted nothing', () => {
    afterEach(async () => clearVolumes(of()));

    test('does not start, is told why and what to type, and starts once that was typed', async () => {
      const { engine, node, volumesDirectory } = of();
      await of().cli(['put', 'db', '-'], { input: 'a value' });
      const told = await refused('web', volumeMount('db'));
      assert.match(told, /web/);
      assert.match(told, new RegExp(`docker coffer grant db --node ${node}`));
      assert.deepEqual(mountsBelow(engine, volumesDirectory), [], 'no empty volume is left either');
      const state = await engine.docker(['inspect', '--format', '{{.State.Status}}', 'web']);
      assert.equal(state.stdout.trim(), 'created');

      const why = (await of().cli(['why', 'db'])).stdout;
      assert.match(why, /volume db/);
      assert.match(why, /container web/);
      assert.match(why, new RegExp(`docker coffer grant db --node ${node}`));
      const audited = await of().cli(['audit', '--event', 'refuse', '--format', 'json']);
      const [refusal] = linesOf(audited.stdout).slice(-1);
      assert.match(refusal ?? '', /"volume":"db","service":"web","by":"volume","code":"volume\.refused"/);

      // The words that docker's error shows, as they stand there.
      const [, typed = ''] = /`?docker coffer (grant db --node [^`\n]*[^`\n.])/.exec(told) ?? [];
      await of().cli(typed.split(' '));
      await engine.docker(['start', 'web']);
      assert.equal((await Container.of(engine, 'web')).read('db'), 'a value');
    });

    test('does not start for a secret that is granted but not there, and does once it is put', async () => {
      const granted = await of().tryCli(['grant', 'later', '--node', of().node]);
      assert.equal(granted.code, 0);
      assert.match(granted.stderr, /later/);
      assert.match(await refused('early', volumeMount('later')), /holds no secret later/);
      await of().cli(['put', 'later', '-'], { input: 'here it is' });
      await of().engine.docker(['start', 'early']);
      assert.equal((await Container.of(of().engine, 'early')).read('later'), 'here it is');
    });

    test('does not start if one of several secrets is not granted to it', async () => {
      await putAndGrant(of(), 'db', 'a value');
      await of().cli(['put', 'api', '-'], { input: 'another' });
      const told = await refused('both', volumeMount('app', { secrets: 'db api' }));
      assert.match(told, /docker coffer grant api /);
      assert.deepEqual(mountsBelow(of().engine, of().volumesDirectory), []);
    });

    test('does not come to a secret through the volume of one that has it, nor takes it from it', async () => {
      const { engine } = of();
      await of().cli(['put', 'db', '-'], { input: 'a value' });
      await grant(of(), 'db', ['--container', 'has']);
      const has = await Container.start(engine, 'has', volumeMount('db'));
      const told = await refused('has-not', volumeMount('db'));
      assert.match(told, /has-not/);
      assert.equal(has.read('db'), 'a value');
      await engine.docker(['rm', 'has-not']);
      await has.stop();
      await engine.docker(['start', has.id]);
    });
  });

  describe('a grant', () => {
    afterEach(async () => clearVolumes(of()));

    test('may be for containers of certain names, labels and images', async () => {
      const { engine } = of();
      await of().cli(['put', 'db', '-'], { input: 'a value' });
      const other = 'localhost:5000/other:1';
      await engine.docker(['tag', TEST_IMAGE, other]);
      for (const [selector, fits, unfit] of [
        [
          ['--container', 'web-*'],
          ['web-1', []],
          ['web', []],
        ],
        [
          ['--container', 'web-?'],
          ['web-2', []],
          ['web-22', []],
        ],
        [
          ['--label', 'tier=front'],
          ['front', ['--label', 'tier=front']],
          ['back', ['--label', 'tier=back']],
        ],
        [
          ['--label', 'tier'],
          ['some', ['--label', 'tier=any']],
          ['none', ['--label', 'layer=front']],
        ],
        [['--image', TEST_IMAGE], ['same', []], undefined],
        [['--image', other], undefined, ['else', []]],
        [
          ['--container', 'web-*', '--label', 'tier=front'],
          ['web-3', ['--label', 'tier=front']],
          ['web-4', []],
        ],
      ] as const) {
        const id = await grant(of(), 'db', selector);
        if (fits !== undefined) {
          const [name, words] = fits;
          const container = await Container.start(engine, name, [...words, ...volumeMount('db')]);
          assert.equal(container.read('db'), 'a value', selector.join(' '));
          await container.remove();
        }
        if (unfit !== undefined) {
          const [name, words] = unfit;
          assert.match(await refused(name, [...words, ...volumeMount('db')]), /docker coffer grant db /);
          await engine.docker(['rm', name]);
        }
        await of().cli(['revoke', id]);
      }
    });

    test('that is revoked takes the file from the containers that run, at once', async (t) => {
      const id = await putAndGrant(of(), 'db', 'a value');
      const { engine, volumesDirectory } = of();
      const container = await Container.start(engine, 'loses', volumeMount('db'));
      assert.equal(container.read('db'), 'a value');
      await of().cli(['revoke', id]);
      const took_ms = await gone(container, 'db');
      t.diagnostic(`${took_ms.toFixed(0)} ms after the answer`);
      assert.match((await container.tryExec(['cat', `${TARGET}/db`])).stderr, /No such file/);
      const listed = await engine.docker(['ps', '--quiet', '--filter', 'name=loses']);
      assert.notEqual(listed.stdout, '', 'it runs on');
      await container.stop();
      await unmounted(engine, volumesDirectory);
      const again = await engine.tryDocker(['start', container.id]);
      assert.notEqual(again.code, 0);
      assert.match(again.stderr, /docker coffer grant db /);
    });

    test('that is revoked and given again gives the file back to a container that runs', async () => {
      const id = await putAndGrant(of(), 'db', 'a value');
      const container = await Container.start(of().engine, 'regains', volumeMount('db'));
      await of().cli(['revoke', id]);
      await gone(container, 'db');
      await grant(of(), 'db');
      await waitFor(() => container.files().includes('db'), { what: 'the file to come back' });
      assert.equal(container.read('db'), 'a value');
    });

    test('for a secret that is removed gives nothing more, and the file goes', async (t) => {
      await putAndGrant(of(), 'db', 'a value');
      const container = await Container.start(of().engine, 'outlives', volumeMount('db'));
      const removed = await of().cli(['rm', '--force', 'db']);
      t.diagnostic(`${(await gone(container, 'db')).toFixed(0)} ms after the answer`);
      assert.match(removed.stderr, /grant/, 'its grants are named');
    });
  });
}
