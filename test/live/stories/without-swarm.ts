// SPDX-License-Identifier: Apache-2.0
// An engine in no swarm has no secrets of its own: coffer's store answers alone, in the engine's words.
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { dockerClis } from '../../support/docker-cli.ts';
import { type Installation, linesOf } from '../../support/installation.ts';
import { startService } from '../../support/service.ts';
import {
  assertSame,
  type DockerTranscript,
  dockerTranscript,
  type Exchange,
  ID_PREFIX_LENGTH,
} from '../../support/side-by-side.ts';
import { waitFor } from '../../support/wait-for.ts';
import { BAD_NAMES } from './secret-names.ts';

async function tellLifeOfASecret({ ask }: DockerTranscript): Promise<void> {
  const names = ['secret', 'ls', '--format', '{{.Name}}'];
  await ask(names);
  await ask(['secret', 'create', '--label', 'a=b', '--label', 'empty', 'Lone', '-'], { input: 'a value' });
  await ask(['secret', 'create', 'Lone', '-'], { input: 'another' });
  await ask(['secret', 'create', 'lONE', '-'], { input: 'another' });
  await ask(['secret', 'create', 'longer', '-'], { input: Buffer.alloc(511_999, 7) });
  await ask(['secret', 'create', 'too-long', '-'], { input: Buffer.alloc(512_000, 7) });
  await ask(['secret', 'create', 'empty', '-'], { input: '' });
  for (const name of BAD_NAMES) {
    await ask(['secret', 'create', '--', name, '-'], { input: 'a value' });
    await ask(['secret', 'inspect', '--', name]);
    await ask(['secret', 'rm', '--', name]);
  }
  for (const filter of [
    'name=Lo',
    'name=LON',
    'name=one',
    'id=0none',
    'label=a',
    'label=a=b',
    'label=a=c',
    'x=y',
  ]) {
    await ask([...names, '--filter', filter]);
  }
  await ask([...names, '--filter', 'name=none', '--filter', 'name=lon', '--filter', 'label=empty']);
  const id = (await ask(['secret', 'inspect', '--format', '{{.ID}}', 'Lone'])).trim();
  for (const reference of ['Lone', 'lone', 'Lon', 'none', id, id.slice(0, ID_PREFIX_LENGTH)]) {
    await ask(['secret', 'inspect', '--format', '{{.ID}} {{.Spec.Name}} {{json .Spec.Labels}}', reference]);
  }
  await ask(['secret', 'rm', 'none']);
  await ask(['secret', 'rm', 'Lon']);
  await ask(['secret', 'rm', 'Lone', 'none', 'longer']);
  await ask(['secret', 'rm', 'Lone']);
  await ask(names);
}

/** Leaves the engine in a swarm. */
export function withoutSwarmStories(of: () => Installation): void {
  describe('an engine in no swarm', () => {
    const alone: (readonly Exchange[])[] = [];

    test('has secrets in coffer, whatever docker is used', async () => {
      for (const cli of dockerClis()) {
        alone.push(await dockerTranscript(of(), of().gatewaySocket, cli, tellLifeOfASecret));
      }
      assert.deepEqual(await of().storedNames(), []);
    });

    test('cannot register what is not in coffer, as on its own socket', async () => {
      const { engine } = of();
      const args = ['secret', 'create', '--driver', 'coffer', 'registered'];
      const through = await of().tryDocker(args);
      const direct = await engine.tryDocker(args);
      assert.deepEqual([through.code, through.stderr], [direct.code, direct.stderr]);
      assert.match(direct.stderr, /not a swarm manager/);
    });

    test('shows the driver and no value', async () => {
      await of().docker(['secret', 'create', 'shown', '-'], { input: 'never shown' });
      const listed = await of().docker(['secret', 'ls', '--format', '{{.Name}} {{.Driver}}']);
      assert.equal(listed.stdout.trim(), 'shown coffer');
      const { stdout } = await of().docker(['secret', 'inspect', 'shown']);
      assert.equal(JSON.stringify(JSON.parse(stdout)).includes('Data'), false);
      const pretty = await of().docker(['secret', 'inspect', '--pretty', 'shown']);
      assert.match(pretty.stdout, /^Name:\s+shown$/m);
      await of().docker(['secret', 'rm', 'shown']);
    });

    test('keeps the secrets when it becomes a swarm, for whoever registers them', async () => {
      await of().docker(['secret', 'create', 'early', '-'], { input: 'from before the swarm' });
      await of().engine.swarmInit();
      await of().engine.docker(['secret', 'create', '--driver', 'coffer', 'early']);
      const task = await startService(of().engine, 'early', ['--secret', 'early']);
      assert.equal(await task.secret('early'), 'from before the swarm');
      await of().clear();
    });

    test('answered in the very words that the engine has in a swarm', async () => {
      for (const [index, cli] of dockerClis().entries()) {
        const own = await dockerTranscript(of(), of().engine.socket, cli, tellLifeOfASecret);
        assertSame(alone[index] ?? [], own, `docker ${cli.version}`);
      }
    });
  });

  describe('an engine that leaves its swarm for a new one', () => {
    afterEach(async () => of().clear());

    test('finds the values in coffer as they were', async () => {
      const { engine } = of();
      await of().docker(['secret', 'create', 'kept', '-'], { input: 'older than the swarm' });
      await engine.docker(['swarm', 'leave', '--force']);
      const listed = await of().docker(['secret', 'ls', '--format', '{{.Name}}']);
      assert.deepEqual(linesOf(listed.stdout), ['kept']);
      await engine.swarmInit();
      // Once coffer has dropped what was removed here, it has compared its store with the new swarm.
      await of().docker(['secret', 'create', 'witness', '-'], { input: 'a value' });
      await engine.docker(['secret', 'rm', 'witness']);
      await waitFor(async () => !(await of().storedNames()).includes('witness'), {
        what: 'coffer to drop the witness',
      });
      assert.deepEqual(await of().storedNames(), ['kept']);
      await engine.docker(['secret', 'create', '--driver', 'coffer', 'kept']);
      const task = await startService(engine, 'kept', ['--secret', 'kept']);
      assert.equal(await task.secret('kept'), 'older than the swarm');
    });
  });
}
