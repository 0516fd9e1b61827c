// SPDX-License-Identifier: Apache-2.0
// The daemon and the engine end in every way while containers have volumes of secrets.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { Container, TARGET } from '../../support/container.ts';
import type { Installation } from '../../support/installation.ts';
import { clearVolumes, mountsBelow, putAndGrant, unmounted, volumeMount } from '../../support/volumes.ts';
import { waitFor } from '../../support/wait-for.ts';

const ALWAYS = ['--restart', 'always'];
const restart_ms_max = 60_000;

interface SeenContainer {
  readonly id: string;
  readonly state: string;
}

export function volumeRestartStories(of: () => Installation): void {
  const reads = async (container: Container, file: string, value: string): Promise<void> => {
    await waitFor(() => container.read(file) === value, { what: `${file} to be ${value}` });
  };
  /** The container under this name, once the engine has started it again. */
  const startedAgain = async (name: string): Promise<Container> =>
    waitFor(
      async () => {
        const container = await Container.of(of().engine, name);
        return container.files().length > 0 ? container : undefined;
      },
      { what: `${name} to run again`, timeout_ms: restart_ms_max, interval_ms: 100 },
    );

  /** Until coffer has seen the containers run, it takes them for ones that may still be starting. */
  const seenRunning = async (...containers: readonly Container[]): Promise<void> => {
    await waitFor(
      () => {
        const text = readFileSync(path.join(of().stateDirectory, 'containers.json'), 'utf8');
        const seen = JSON.parse(text) as { readonly containers: readonly SeenContainer[] };
        return containers.every(({ id }) =>
          seen.containers.some((one) => one.id === id && one.state === 'running'),
        );
      },
      { what: 'coffer to see them run' },
    );
  };

  describe('a container with a volume of secrets', () => {
    afterEach(async () => clearVolumes(of()));

    test('goes on reading while the daemon is killed, and is given new versions by the next one', async () => {
      const { engine } = of();
      await putAndGrant(of(), 'db', 'first');
      const container = await Container.start(engine, 'reads', volumeMount('db'));
      const loop = `for i in $(seq 400); do [ "$(cat ${TARGET}/db)" = first ] || exit 1; sleep 0.01; done`;
      const reading = container.tryExec(['sh', '-c', loop]);
      await of().crash();
      assert.equal((await reading).code, 0, 'a program in it reads the same value all the time');
      await of().cli(['put', 'db', '-'], { input: 'second' });
      await reads(container, 'db', 'second');
      const another = await Container.start(engine, 'another', volumeMount('db'));
      assert.equal(another.read('db'), 'second');
      await container.remove();
      assert.equal(another.read('db'), 'second');
      await another.remove();
      await unmounted(engine, of().volumesDirectory);
    });

    test('is wiped by the next daemon if it lost its grant meanwhile', async () => {
      const id = await putAndGrant(of(), 'db', 'a value');
      const container = await Container.start(of().engine, 'loses', volumeMount('db'));
      // Either may come first: what is refused while no daemon is there is typed again.
      const revoked = waitFor(async () => (await of().tryCli(['revoke', id])).code === 0, {
        what: 'the grant to be revoked',
      });
      await Promise.all([revoked, of().crash()]);
      await waitFor(() => !container.files().includes('db'), { what: 'the file to go' });
    });

    test('ends while the daemon is away, and nothing is left of its volume when the daemon is back', async () => {
      const { engine } = of();
      await putAndGrant(of(), 'db', 'a value');
      const container = await Container.start(engine, 'ends', volumeMount('db'));
      await Promise.all([of().crash(), engine.docker(['kill', container.id])]);
      await unmounted(engine, of().volumesDirectory);
      await engine.docker(['start', container.id]);
      assert.equal((await Container.of(engine, container.id)).read('db'), 'a value');
    });

    test('is given its secrets again after the engine was stopped and started', async () => {
      const { engine } = of();
      await putAndGrant(of(), 'db', 'first');
      await putAndGrant(of(), 'api', 'another');
      await Container.start(engine, 'always', [...ALWAYS, ...volumeMount('db')]);
      const once = await Container.start(engine, 'once', volumeMount('api'));
      await of().restartEngine();
      const container = await startedAgain('always');
      assert.equal(container.read('db'), 'first');
      await of().cli(['put', 'db', '-'], { input: 'second' });
      await reads(container, 'db', 'second');
      // What no container mounts any more is gone.
      await unmounted(engine, of().volumesDirectory, 'api');
      await engine.docker(['start', once.id]);
      assert.equal((await Container.of(engine, once.id)).read('api'), 'another');
    });

    test('is given its secrets again after the engine was killed', async () => {
      const { engine } = of();
      await putAndGrant(of(), 'db', 'first');
      await putAndGrant(of(), 'api', 'another');
      const before = await Container.start(engine, 'always', [...ALWAYS, ...volumeMount('db')]);
      const once = await Container.start(engine, 'once', volumeMount('api'));
      await seenRunning(before, once);
      await of().crashEngine();
      const container = await startedAgain('always');
      assert.equal(container.read('db'), 'first');
      await of().cli(['put', 'db', '-'], { input: 'second' });
      await reads(container, 'db', 'second');
      await unmounted(engine, of().volumesDirectory, 'api');
      await container.remove();
      await unmounted(engine, of().volumesDirectory);
      assert.deepEqual(mountsBelow(engine, of().volumesDirectory), []);
    });
  });
}
