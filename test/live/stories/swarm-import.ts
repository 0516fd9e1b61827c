// SPDX-License-Identifier: Apache-2.0
// What a swarm has in its own store comes into coffer: nothing is restarted until that is asked for, and then the containers read the
// same bytes.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { type Installation, linesOf } from '../../support/installation.ts';
import { runningTasks, serviceCreate, waitForTask } from '../../support/service.ts';

/** By the name of each in the stack's file. */
const VALUES: Readonly<Record<string, Buffer>> = {
  one: Buffer.from('1'),
  text: Buffer.from('This is a secret'),
  line: Buffer.from('with a newline at its end\n'),
  every: Buffer.from(Array.from({ length: 256 }, (_none, byte) => byte)),
  zeros: Buffer.alloc(4_096),
  crlf: Buffer.from('\r\n\r\n'),
  random: randomBytes(65_537),
  large: randomBytes(500_000),
  largest: randomBytes(511_999),
  utf8: Buffer.from('pässwörd€'),
};
const NAMES = Object.keys(VALUES).toSorted();
const SERVICES = ['web', 'worker'];
const LEFT_BEHIND = ['service', 'container', 'image'];

export function swarmImportStories(of: () => Installation): void {
  describe('an import from the swarm', () => {
    let directory: TemporaryDirectory;
    before(() => {
      directory = temporaryDirectory();
    });
    after(() => directory.remove());
    afterEach(async () => of().clear());

    const deploy = async (secrets: readonly string[]): Promise<void> => {
      const file = path.join(directory.path, 'stack.yml');
      writeFileSync(file, stackFile(secrets));
      await of().engine.docker(['stack', 'deploy', '--resolve-image', 'never', '-c', file, 'shop']);
    };
    const tasks = async (): Promise<readonly string[]> =>
      (await Promise.all(SERVICES.map(async (name) => runningTasks(of().engine, `shop_${name}`))))
        .flat()
        .map(({ id }) => id)
        .sort();
    const imported = async (...words: readonly string[]): Promise<readonly Imported[]> => {
      const { stdout } = await of().cli(['import', 'swarm', '--all', '--format', 'json', ...words]);
      return linesOf(stdout).map((line) => JSON.parse(line) as Imported);
    };
    const expectSameBytes = async (): Promise<void> => {
      for (const name of SERVICES) {
        const task = await waitForTask(of().engine, `shop_${name}`);
        for (const [key, value] of Object.entries(VALUES)) {
          const { stdoutBytes } = await task.exec(['cat', `/run/secrets/${key}`]);
          assert.ok(stdoutBytes.equals(value), `${name} reads ${key} as it was`);
        }
        const { stdout } = await task.exec(['stat', '-c', '%a %u:%g', '/run/secrets/text']);
        assert.equal(stdout.trim(), '440 7:8');
      }
    };
    /** What an import leaves that is killed half-way. */
    const leaveBehind = async (): Promise<void> => {
      const node = (await of().engine.docker(['info', '--format', '{{.Swarm.NodeID}}'])).stdout.trim();
      const words = ['--label', `coffer.import=${node}`, '--secret', 'shop_one'];
      await of().engine.docker(serviceCreate('left', words));
    };
    const expectNothingLeftBehind = async (): Promise<void> => {
      for (const what of LEFT_BEHIND) {
        const all = what === 'service' ? [] : ['--all'];
        const filter = ['--filter', 'label=coffer.import'];
        const { stdout } = await of().engine.docker([what, 'ls', '--quiet', ...all, ...filter]);
        assert.equal(stdout, '', `no ${what} is left`);
      }
    };

    test('restarts nothing until that is asked for; then the services of a stack read the same bytes', async () => {
      const { engine } = of();
      for (const [key, value] of Object.entries(VALUES)) {
        writeFileSync(path.join(directory.path, key), value);
      }
      await deploy(NAMES.flatMap((key) => [`  ${key}:`, `    file: ./${key}`]));
      for (const name of SERVICES) {
        await waitForTask(engine, `shop_${name}`);
      }
      const before = await tasks();
      await leaveBehind();

      const planned = await imported('--dry-run');
      assert.deepEqual(
        planned.map(({ Name, State, Stored }) => [Name, State, Stored]),
        NAMES.map((key) => [`shop_${key}`, 'waiting', false]),
      );
      assert.deepEqual(await of().storedNames(), []);

      const first = await imported();
      assert.deepEqual(
        first.map(({ Name, Size, State, Version }) => [Name, State, Version, Size]),
        NAMES.map((key) => [`shop_${key}`, 'imported', 1, VALUES[key]?.length]),
      );
      await expectNothingLeftBehind();
      assert.deepEqual(await tasks(), before, 'no task was restarted');

      const applied = await imported('--apply');
      assert.deepEqual(
        applied.map(({ Replaced, Services, State, Version }) => [
          State,
          Version,
          Replaced,
          ...Services.map((service) => service.State),
        ]),
        NAMES.map(() => ['there', 1, true, 'updated', 'updated']),
        'a second import changes nothing in coffer',
      );
      const afterwards = await tasks();
      assert.equal(afterwards.length, before.length);
      assert.ok(afterwards.every((id) => !before.includes(id)));
      await expectSameBytes();
      await expectNothingLeftBehind();
      const { stdout } = await engine.docker(['secret', 'ls', '--format', '{{.Name}} {{.Driver}}']);
      assert.deepEqual(
        linesOf(stdout).toSorted(),
        NAMES.map((key) => `shop_${key}-coffer coffer`).toSorted(),
      );
      assert.deepEqual(await imported(), []);

      await deploy(
        NAMES.flatMap((key) => [
          `  ${key}:`,
          `    name: shop_${key}-coffer`,
          '    driver: coffer',
          `    labels: { coffer.name: shop_${key} }`,
        ]),
      );
      assert.deepEqual(await tasks(), afterwards, 'a deploy of the changed file restarts nothing');
      const log = engine.log();
      assert.ok(!log.includes(VALUES['text']?.toString() ?? ''), "the engine's log has no value");
      assert.ok(!log.includes(VALUES['text']?.toString('base64') ?? ''));
    });
  });
}

interface Imported {
  readonly Name: string;
  readonly State: string;
  readonly Stored: boolean;
  readonly Version?: number;
  readonly Size?: number;
  readonly Replaced: boolean;
  readonly Services: readonly { readonly State: string }[];
}

function stackFile(secrets: readonly string[]): string {
  const references = NAMES.map(
    (key) => `      - { source: ${key}, target: ${key}, uid: "7", gid: "8", mode: 0440 }`,
  );
  const services = SERVICES.flatMap((name) => [
    `  ${name}:`,
    '    image: localhost:5000/bb',
    '    networks: [host]',
    '    secrets:',
    ...references,
  ]);
  const networks = ['networks:', '  host: { external: true, name: host }'];
  return ['version: "3.8"', 'services:', ...services, ...networks, 'secrets:', ...secrets, ''].join('\n');
}
