// SPDX-License-Identifier: Apache-2.0
// Compose through the gateway: a project with an image of its own, a secret that is a file, and a volume of coffer's.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { TEST_IMAGE } from '../../support/busybox.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { type CommandResult, tryCommand } from '../../support/command.ts';
import type { Installation } from '../../support/installation.ts';
import { putAndGrant } from '../../support/volumes.ts';

const GRANTED = 'composed';

const PROJECT = `
version: "3.8"
services:
  web:
    build: { context: ./web, network: host }
    image: localhost:5000/composed
    network_mode: host
    command: sh -c 'cat /made /run/secrets/file; trap "exit 0" TERM; sleep 1000000 & wait'
    secrets: [file]
    volumes: ["kept:/kept:ro"]
secrets:
  file: { file: ./secret.txt }
volumes:
  kept: { external: true }
`;

export function composeStories(of: () => Installation): void {
  describe('Compose', () => {
    let directory: TemporaryDirectory;
    before(async () => {
      directory = temporaryDirectory();
      mkdirSync(path.join(directory.path, 'web'));
      writeFileSync(path.join(directory.path, 'docker-compose.yml'), PROJECT);
      writeFileSync(path.join(directory.path, 'secret.txt'), 'a file\n');
      const steps = `FROM ${TEST_IMAGE}\nRUN echo made by compose > /made\n`;
      writeFileSync(path.join(directory.path, 'web', 'Dockerfile'), steps);
      await putAndGrant(of(), GRANTED, 'a granted value');
      const volume = ['volume', 'create', '--driver', 'coffer', '--opt', `secrets=${GRANTED}`, 'kept'];
      await of().engine.docker(volume);
    });
    after(() => directory.remove());

    const compose = async (...words: readonly string[]): Promise<CommandResult> => {
      const env = { DOCKER_HOST: `unix://${of().gatewaySocket}`, HOME: directory.path };
      const command = ['docker-compose', '--project-name', 'shop', ...words] as const;
      return tryCommand(command, { env, cwd: directory.path });
    };

    test('builds a project, starts it, looks into it and ends it', async () => {
      const up = await compose('up', '--detach', '--build');
      assert.equal(up.code, 0, up.stderr);
      const running = await compose('ps', '--services', '--filter', 'status=running');
      assert.equal(running.stdout, 'web\n');
      const script = `cat /run/secrets/file /kept/${GRANTED}; echo complaint >&2; exit 7`;
      const inside = await compose('exec', '-T', 'web', 'sh', '-c', script);
      assert.deepEqual([inside.stdout, inside.code], ['a file\na granted value', 7], inside.stderr);
      assert.match(inside.stderr, /^complaint$/m);
      const logs = await compose('logs', '--no-color', 'web');
      assert.match(logs.stdout, /made by compose\n[^\n]*a file\n/);
      const down = await compose('down');
      assert.equal(down.code, 0, down.stderr);
      const { stdout } = await of().engine.docker(['ps', '--all', '--quiet', '--filter', 'name=shop']);
      assert.equal(stdout, '');
    });
  });
}
