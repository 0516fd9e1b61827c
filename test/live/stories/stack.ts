// SPDX-License-Identifier: Apache-2.0
// docker stack deploy through the gateway: what stock Docker refuses, a changed secret file, is a new version.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import type { CommandResult } from '../../support/command.ts';
import { type DockerCli, dockerClis } from '../../support/docker-cli.ts';
import { type Installation, linesOf } from '../../support/installation.ts';
import { updateService, waitForTask } from '../../support/service.ts';

/** A compose file with these secrets, beside the file that holds the value of `from_file`. */
function writeStack(directory: string, value: string, secrets: readonly string[]): string {
  mkdirSync(directory, { recursive: true });
  writeFileSync(path.join(directory, 'value.txt'), value);
  const file = path.join(directory, 'stack.yml');
  const lines = [
    'version: "3.8"',
    'services:',
    '  app:',
    '    image: localhost:5000/bb',
    '    networks: [host]',
    `    secrets: [${secrets.join(', ')}]`,
    'networks:',
    '  host: { external: true, name: host }',
    'secrets:',
    ...secrets.map((name) => definitions[name] ?? ''),
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

const definitions: Readonly<Record<string, string>> = {
  driven: '  driven: { driver: coffer, labels: { coffer.name: db, coffer.version: "1" } }',
  made: '  made: { driver: coffer, labels: { coffer.generate: "hex:16" } }',
  from_file: '  from_file: { file: ./value.txt, labels: { env: prod } }',
  outside: '  outside: { external: true }',
};

export function stackStories(of: () => Installation): void {
  describe('a stack', () => {
    let directory: TemporaryDirectory;
    before(() => {
      directory = temporaryDirectory();
    });
    after(() => directory.remove());
    afterEach(async () => of().clear());

    const deploy = async (file: string, socket: string, cli: DockerCli): Promise<CommandResult> => {
      const args = ['stack', 'deploy', '--resolve-image', 'never', '--compose-file', file, 'st'];
      return of().engine.tryDocker(args, { cli, socket });
    };

    for (const cli of dockerClis()) {
      test(`has secrets of every kind, and a changed file is a new version, with docker ${cli.version}`, async () => {
        const { engine, gatewaySocket } = of();
        for (const value of ['put first', 'put second']) {
          await of().cli(['put', 'db', '-'], { input: value });
        }
        await of().docker(['secret', 'create', 'outside', '-'], { input: 'made before' });
        const names = ['driven', 'made', 'from_file', 'outside'];
        const deployed = async (value: string): Promise<void> => {
          const file = writeStack(directory.path, value, names);
          const { code, stderr } = await deploy(file, gatewaySocket, cli);
          assert.equal(code, 0, stderr);
        };

        await deployed('the first value');
        const first = await waitForTask(engine, 'st_app');
        assert.equal(await first.secret('driven'), 'put first');
        const made = await first.secret('made');
        assert.match(made, /^[0-9a-f]{32}$/);
        assert.equal(await first.secret('from_file'), 'the first value');
        assert.equal(await first.secret('outside'), 'made before');

        await deployed('the first value');
        assert.equal(await versionOf(of(), 'st_from_file'), 1, 'the same file is no new version');
        await deployed('the second value');
        assert.equal(await versionOf(of(), 'st_from_file'), 2);
        const second = await updateService(engine, 'st_app', ['--force'], first);
        assert.equal(await second.secret('from_file'), 'the second value');
        assert.equal(await second.secret('made'), made);

        await of().docker(['stack', 'rm', 'st'], { cli });
        const left = await engine.docker(['secret', 'ls', '--format', '{{.Name}}']);
        assert.deepEqual(linesOf(left.stdout), ['outside']);
        const stored = [...(await of().storedNames())].sort();
        // A generated value and one that was put belong to their owner, not to the stack.
        assert.deepEqual(stored, ['db', 'outside', 'st_made']);
      });
    }

    test('with a changed file fails as on stock Docker where rotation is switched off', async () => {
      await of().restartWith({ COFFER_STACK_ROTATION: 'off' });
      try {
        const { engine, gatewaySocket } = of();
        for (const cli of dockerClis()) {
          const outcomes: unknown[] = [];
          for (const socket of [engine.socket, gatewaySocket]) {
            for (const value of ['the first value', 'the first value', 'the second value']) {
              const file = writeStack(directory.path, value, ['from_file']);
              const { code, stdout, stderr } = await deploy(file, socket, cli);
              outcomes.push({ code, stdout: stdout.replaceAll(/\(id: \w+\)/g, ''), stderr });
            }
            await engine.docker(['stack', 'rm', 'st'], { cli, socket });
          }
          const own = outcomes.slice(0, 3);
          assert.deepEqual(outcomes.slice(3), own, `docker ${cli.version}`);
          assert.match(JSON.stringify(own[2]), /"code":1.*only updates to Labels are allowed/);
        }
        assert.deepEqual(await of().storedNames(), []);
      } finally {
        await of().restartWith({});
      }
    });
  });
}

async function versionOf(installation: Installation, name: string): Promise<number> {
  const lines = linesOf(
    (await installation.cli(['ls', '--format', 'json', '--filter', `name=${name}`])).stdout,
  );
  return (JSON.parse(lines[0] ?? '') as { readonly Version: number }).Version;
}
