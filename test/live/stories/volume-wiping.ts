// SPDX-License-Identifier: Apache-2.0
// What is left of a secret on a node that needs it no longer, and what docker's own commands on volumes do.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { Container, containerRun, TARGET } from '../../support/container.ts';
import type { Installation } from '../../support/installation.ts';
import { describeLeaks, LeakScanner } from '../../support/leak-scanner.ts';
import { leaksInMemory } from '../../support/process-memory.ts';
import {
  clearVolumes,
  grant,
  mountsBelow,
  putAndGrant,
  unmounted,
  volumeMount,
  volumesOf,
} from '../../support/volumes.ts';
import { waitFor } from '../../support/wait-for.ts';

const wipe_ms_max = 15_000;
/** Less than a mount may wait. */
const listing_ms_max = 15_000;

export function volumeWipingStories(of: () => Installation): void {
  describe('a value that was in a container', () => {
    afterEach(async () => clearVolumes(of()));

    test('is nowhere on the node after the last container: no file, no memory, no mount, no state', async (t) => {
      const { engine } = of();
      const scanner = new LeakScanner();
      const value = randomBytes(300);
      scanner.add('canary', value);
      await putAndGrant(of(), 'canary', value);
      // What came over the control socket lies in memory until something else takes its place. This is about what comes out.
      await of().crash();
      const { pid } = of();
      const containers = [
        await Container.start(engine, 'one', volumeMount('canary')),
        await Container.start(engine, 'other', volumeMount('renamed', { secret: 'canary:file' })),
      ];
      assert.equal((await containers[1]?.exec(['sha256sum', `${TARGET}/file`]))?.code, 0);
      assert.notDeepEqual(leaksInMemory(scanner, pid), [], 'it is found while it is due');

      for (const container of containers) {
        await container.remove();
      }
      await unmounted(engine, of().volumesDirectory);
      const left = (): string => describeLeaks(leaksInMemory(scanner, pid));
      const startedAt = performance.now();
      await waitFor(
        () => {
          if (left() !== '') {
            throw new Error(left());
          }
          return true;
        },
        { what: 'the value to be wiped from the daemon’s memory', timeout_ms: wipe_ms_max },
      );
      t.diagnostic(`${(performance.now() - startedAt).toFixed(0)} ms after the last unmount`);
      assert.equal(of().pid, pid, 'it is the same process');
      const leaks = [
        ...scanner.scanTree(of().stateDirectory),
        ...scanner.scanTree(of().volumesDirectory),
        ...scanner.scan(Buffer.from(of().log()), 'the log'),
      ];
      assert.equal(describeLeaks(leaks), '');
      const volumes = readFileSync(path.join(of().stateDirectory, 'volumes.json'), 'utf8');
      assert.match(volumes, /renamed/, 'which names the volumes, and nothing else of them');
    });
  });

  describe('docker volume', () => {
    afterEach(async () => clearVolumes(of()));

    test('makes, lists, shows and removes volumes of secrets', async () => {
      const { engine } = of();
      await putAndGrant(of(), 'db', 'a value');
      const create = ['volume', 'create', '--driver', 'coffer', '--opt', 'secret=db:password', 'made'];
      await engine.docker(create);
      await engine.docker(create);
      assert.deepEqual(await volumesOf(engine), ['made']);
      const { stdout } = await engine.docker(['volume', 'inspect', 'made']);
      const [shown] = JSON.parse(stdout) as readonly Readonly<Record<string, unknown>>[];
      assert.deepEqual(
        { name: shown?.['Name'], scope: shown?.['Scope'], options: shown?.['Options'] },
        { name: 'made', scope: 'local', options: { secret: 'db:password' } },
      );
      const age_ms = Date.now() - Date.parse(String(shown?.['CreatedAt']));
      assert.ok(age_ms >= -1_000 && age_ms < 60_000, String(shown?.['CreatedAt']));

      const container = await Container.start(engine, 'uses', [
        '--volume',
        `made:${TARGET}`,
        '--volume-driver',
        'coffer',
      ]);
      assert.equal(container.read('password'), 'a value');
      const inUse = await engine.tryDocker(['volume', 'rm', 'made']);
      assert.match(inUse.stderr, /volume is in use/);
      await container.remove();
      await engine.docker(['volume', 'rm', 'made']);
      assert.deepEqual(await volumesOf(engine), []);
      assert.equal((await engine.tryDocker(['volume', 'inspect', 'made'])).code, 1);
    });

    test('refuses a volume with options that say nothing clear', async () => {
      const create = ['volume', 'create', '--driver', 'coffer', '--opt', 'mod=0400', 'unclear'];
      const { code, stderr } = await of().engine.tryDocker(create);
      assert.equal(code, 1);
      assert.match(stderr, /no option "mod".*Write mode/s);
      assert.deepEqual(await volumesOf(of().engine), []);
    });

    test('prunes volumes of the engine’s own alone, whether containers mount those of secrets or not', async () => {
      const { engine } = of();
      await engine.docker(['volume', 'create', '--driver', 'coffer', 'unused']);
      await putAndGrant(of(), 'db', 'a value');
      const container = await Container.start(engine, 'stays', volumeMount('db'));
      await engine.docker(['volume', 'prune', '--force']);
      assert.deepEqual((await volumesOf(engine)).toSorted(), ['db', 'unused']);
      assert.equal(container.read('db'), 'a value');
      await engine.docker(['restart', container.id]);
      assert.equal((await Container.of(engine, container.id)).read('db'), 'a value');
    });

    test('removes a volume of a secret that was never granted', async () => {
      const { engine } = of();
      const { code } = await engine.tryDocker(containerRun('not', ['--rm', ...volumeMount('nothing')]));
      assert.equal(code, 125);
      assert.deepEqual(await volumesOf(engine), ['nothing']);
      await engine.docker(['volume', 'rm', 'nothing']);
      assert.deepEqual(mountsBelow(engine, of().volumesDirectory), []);
    });

    test('lists volumes while many containers start, each with one of its own', async () => {
      const { engine } = of();
      const starts = Array.from({ length: 8 }, (_, number) =>
        engine.tryDocker(containerRun(`waits-${number}`, ['--detach', ...volumeMount(`of-${number}`)])),
      );
      await engine.docker(['volume', 'ls'], { timeout_ms: listing_ms_max });
      for (const { code } of await Promise.all(starts)) {
        assert.equal(code, 125);
      }
      await of().cli(['put', 'of-3', '-'], { input: 'here' });
      await grant(of(), 'of-3');
      await engine.docker(['start', 'waits-3']);
      assert.equal((await Container.of(engine, 'waits-3')).read('of-3'), 'here');
    });
  });
}
