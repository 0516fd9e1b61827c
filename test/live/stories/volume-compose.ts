// SPDX-License-Identifier: Apache-2.0
// docker-compose with volumes of secrets: up, a new version, down.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { TEST_IMAGE } from '../../support/busybox.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { type CommandResult, runCommand } from '../../support/command.ts';
import { Container } from '../../support/container.ts';
import type { Installation } from '../../support/installation.ts';
import { clearVolumes, grant, unmounted, volumesOf } from '../../support/volumes.ts';
import { waitFor } from '../../support/wait-for.ts';

/** A Compose of version 1 compares the driver's name with the one that the engine has, when it comes up again. */
const project = (driver: string): string => `
version: "3.8"
services:
  web:
    image: ${TEST_IMAGE}
    network_mode: host
    volumes: ["app:/run/secrets"]
    labels: { tier: front }
  worker:
    image: ${TEST_IMAGE}
    network_mode: host
    volumes: ["app:/run/secrets"]
volumes:
  app:
    driver: ${driver}
    driver_opts: { secrets: "db:password:0400 api" }
`;

export function volumeComposeStories(of: () => Installation): void {
  describe('a Compose project', () => {
    let directory: TemporaryDirectory;
    before(() => {
      directory = temporaryDirectory();
      const driver = of().kind === 'managed plugin' ? 'coffer:latest' : 'coffer';
      writeFileSync(path.join(directory.path, 'docker-compose.yml'), project(driver));
    });
    after(() => directory.remove());
    afterEach(async () => clearVolumes(of()));

    const compose = async (...words: readonly string[]): Promise<CommandResult> => {
      const { engine } = of();
      const env = { DOCKER_HOST: `unix://${engine.socket}`, HOME: directory.path };
      const file = path.join(directory.path, 'docker-compose.yml');
      // On the engine's host: the Compose of its Debian.
      const command = ['docker-compose', '--file', file, '--project-name', 'shop', ...words];
      return runCommand(engine.box.inside(command), { env });
    };
    /** A container of the project; each version of Compose has names of its own for them. */
    const containerOf = async (service: string, number = 1): Promise<Container> => {
      const words = [`service=${service}`, `container-number=${number}`];
      const filters = words.flatMap((word) => ['--filter', `label=com.docker.compose.${word}`]);
      const { stdout } = await of().engine.docker(['ps', '--quiet', ...filters]);
      return Container.of(of().engine, stdout.trim());
    };

    test('has its secrets in all its services, their new versions, and leaves none of them', async () => {
      const { engine, volumesDirectory } = of();
      for (const name of ['db', 'api']) {
        await of().cli(['put', name, '-'], { input: `the first ${name}` });
        await grant(of(), name, ['--label', 'com.docker.compose.project=shop']);
      }
      await compose('up', '--detach');
      const web = await containerOf('web');
      const worker = await containerOf('worker');
      for (const container of [web, worker]) {
        assert.deepEqual(container.files(), ['api', 'password']);
        assert.equal(container.read('password'), 'the first db');
      }
      const inside = await compose('exec', '-T', 'web', 'cat', '/run/secrets/api');
      assert.equal(inside.stdout, 'the first api');

      await of().cli(['put', 'db', '-'], { input: 'the second db' });
      await waitFor(
        () => [web, worker].every((container) => container.read('password') === 'the second db'),
        {
          what: 'both services to have the new version',
        },
      );
      await compose('up', '--detach', '--force-recreate', '--scale', 'web=2');
      assert.equal((await containerOf('web', 2)).read('password'), 'the second db');

      assert.deepEqual(await volumesOf(engine), ['shop_app']);
      await compose('down', '--volumes');
      await unmounted(engine, volumesDirectory);
      assert.deepEqual(await volumesOf(engine), []);
    });

    test('does not come up without a grant, and says what to type', async () => {
      await of().cli(['put', 'db', '-'], { input: 'a value' });
      await of().cli(['put', 'api', '-'], { input: 'a value' });
      await assert.rejects(compose('up', '--detach'), /docker coffer grant/);
      await compose('down', '--volumes');
    });
  });
}
