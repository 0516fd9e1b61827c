// SPDX-License-Identifier: Apache-2.0
// docs/volumes.md, carried out as it is written, on one machine that is manager and node.
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { temporaryDirectory, type TemporaryDirectory } from '../support/cleanup.ts';
import { type Coffer, startCoffer } from '../support/coffer.ts';
import { runCommand } from '../support/command.ts';
import { Container } from '../support/container.ts';
import { defaultDockerCli } from '../support/docker-cli.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { sectionsOf } from '../support/manual.ts';
import { builtFile } from '../support/project.ts';
import { volumesOf } from '../support/volumes.ts';
import { waitFor } from '../support/wait-for.ts';

const SECTIONS = sectionsOf('volumes.md');
/** The image of the text; here it is the test's. */
const IMAGE = 'redis:alpine';

describe('docs/volumes.md', () => {
  let engine: Engine;
  let coffer: Coffer;
  let home: TemporaryDirectory;

  /** Carries out one line, in a shell on the machine. Resolves to what it printed. */
  const type = async (command: string): Promise<string> => {
    const typed = command.replace(/^docker compose /, 'docker-compose ');
    const { stdout } = await runCommand(engine.box.inside(['bash', '-c', `cd "$HOME"; ${typed}`]), {
      env: {
        PATH: `${path.dirname(defaultDockerCli().path)}:${process.env['PATH'] ?? ''}`,
        HOME: home.path,
        DOCKER_CONFIG: home.path,
        DOCKER_HOST: `unix://${engine.socket}`,
        COFFER_SOCKET: coffer.controlSocket,
      },
    });
    return stdout;
  };
  const container = async (name: string): Promise<Container> => Container.of(engine, name);

  before(async () => {
    home = temporaryDirectory();
    mkdirSync(path.join(home.path, 'cli-plugins'));
    symlinkSync(
      builtFile('dist/coffer.cjs', 'make build'),
      path.join(home.path, 'cli-plugins', 'docker-coffer'),
    );
    engine = await startEngine({ name: 'a' });
    await engine.docker(['tag', await engine.importBusybox(), IMAGE]);
    coffer = await startCoffer({ engine });
    await waitFor(async () => (await coffer.tryCli(['status'])).code === 0, { what: 'coffer to serve' });
  });
  after(async () => {
    await coffer?.stop();
    await engine?.stop();
    home?.remove();
  });

  /** What has happened before somebody types the commands of a section. */
  const BEFOREHAND: Readonly<Record<string, (text: string) => Promise<void>>> = {
    Compose: async (text) => {
      const [, yaml = ''] = /\n\n( {4}services:\n(?:(?: {4}.*)?\n)*?)\n[^ \n]/.exec(text) ?? [];
      writeFileSync(path.join(home.path, 'shop.yaml'), yaml.replaceAll(/^ {4}/gm, ''));
    },
    'A service of a swarm': async () => {
      await engine.swarmInit();
    },
  };

  /** What is so when a section is done. */
  const OUTCOMES: Readonly<Record<string, (printed: readonly string[]) => Promise<void>>> = {
    'A container': async ([, , , read, , listed = '', , , run]) => {
      assert.deepEqual([read, run], ['This is a secret\n', 'This is a secret\n']);
      assert.match(listed, /^\w{12} +db_password +a +shop /m);
    },
    'Several secrets in one volume': async ([, , , , listed = '']) => {
      assert.match(listed, /-r--r--r-- .* 17 .* db_password\n-r--r--r-- .* 15 .* key\n/);
    },
    Compose: async (printed) => {
      assert.equal(printed.at(-1), 'Another secret\n');
    },
    'A service of a swarm': async () => {
      assert.ok((await volumesOf(engine)).includes('web'), 'a task had it');
    },
    'A new version': async ([, value = '']) => {
      await waitFor(async () => (await container('shop')).read('db_password').length === 24, {
        what: 'the new version',
      });
      assert.notEqual(value, '');
    },
    'Taking it away': async ([, listed = '']) => {
      assert.doesNotMatch(listed, /db_password/);
      for (const name of ['shop', 'shop-2']) {
        const files = async (): Promise<readonly string[]> => (await container(name)).files();
        await waitFor(async () => !(await files()).includes('db_password'), { what: `${name} to lose it` });
      }
      assert.deepEqual((await container('shop-2')).files(), ['key']);
    },
    'When managers cannot be reached': async ([status = '']) => {
      assert.match(status, /^Agent: .*\n/m);
    },
  };

  for (const { title, text, steps } of SECTIONS) {
    test(title, async () => {
      await BEFOREHAND[title]?.(text);
      const printed: string[] = [];
      for (const { command } of steps) {
        printed.push(await type(command));
      }
      await (OUTCOMES[title] ?? assert.fail(`there is an outcome for ${title}`))(printed);
    });
  }

  test('has no other steps than those', () => {
    assert.deepEqual(SECTIONS.map(({ title }) => title).sort(), Object.keys(OUTCOMES).sort());
  });
});
