// SPDX-License-Identifier: Apache-2.0
// Sealed values in a stack file, deployed by docker alone: nothing is stored, and they are good for one secret of one stack.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { type Installation, linesOf } from '../../support/installation.ts';
import { updateService, waitForTask } from '../../support/service.ts';
import { waitFor } from '../../support/wait-for.ts';

const TEXT = 'correct-horse-battery-staple';
/** The largest value that there is. */
const BYTES = randomBytes(511_999);

/** A service for each of these, which has the secret of its name, and its label. */
function stackFile(labels: Readonly<Record<string, string>>): string {
  const names = Object.keys(labels);
  return [
    'version: "3.8"',
    'services:',
    ...names.map((name) => `  ${name}: { image: localhost:5000/bb, networks: [host], secrets: [${name}] }`),
    'networks:',
    '  host: { external: true, name: host }',
    'secrets:',
    ...Object.entries(labels).map(
      ([name, label]) => `  ${name}: { driver: coffer, labels: { coffer.sealed: ${label} } }`,
    ),
    '',
  ].join('\n');
}

export function sealedStories(of: () => Installation): void {
  describe('a stack file with sealed values', () => {
    let directory: TemporaryDirectory;
    before(() => {
      directory = temporaryDirectory();
    });
    after(() => directory.remove());
    afterEach(async () => of().clear());

    const inside = (name: string): string => path.join(directory.path, name);

    async function seal(name: string, value: string | Uint8Array): Promise<string> {
      const words = ['seal', '--name', name, '--stack', 'shop', '--cert', inside('sealing.pem'), '-'];
      return (await of().cli(words, { input: value })).stdout.trim();
    }

    /** Past the gateway: by what the engine itself does with the file. */
    async function deploy(file: string, stack: string): Promise<void> {
      const how = ['--resolve-image', 'never', '--compose-file', file];
      await of().engine.docker(['stack', 'deploy', ...how, stack]);
    }

    async function untilRefused(service: string): Promise<string> {
      return waitFor(
        async () => {
          const { stdout } = await of().cli(['why', service]);
          return /answer: .*refused it .*\[sealed\.scope\]/.test(stdout) ? stdout : undefined;
        },
        { what: `a refusal of ${service}`, timeout_ms: 30_000, interval_ms: 200 },
      );
    }

    /** Of those that were given something. */
    async function states(): Promise<readonly string[]> {
      const { stdout } = await of().cli(['ps', '--format', 'json']);
      return linesOf(stdout)
        .map(
          (line) => JSON.parse(line) as Readonly<Record<'Secret' | 'Sealed' | 'State', string | undefined>>,
        )
        .filter(({ Sealed }) => Sealed !== undefined)
        .map(({ Secret, State }) => `${Secret} ${State}`)
        .sort();
    }

    test('is deployed by docker alone, before and after the key is rotated, and nowhere else', async () => {
      const { engine } = of();
      mkdirSync(directory.path, { recursive: true });
      writeFileSync(inside('sealing.pem'), (await of().cli(['sealing-key', '--certificate'])).stdout);
      const [text, bytes] = [await seal('text', TEXT), await seal('bytes', BYTES)];
      const file = inside('shop.yml');
      // The same label for another secret of the stack; and below, in another stack.
      writeFileSync(file, stackFile({ text, bytes, thief: text }));
      writeFileSync(inside('other.yml'), stackFile({ text }));
      const old = (await of().cli(['sealing-key', '--format', 'json'])).stdout;
      await of().cli(['sealing-key', '--rotate']);

      await deploy(file, 'shop');
      await deploy(inside('other.yml'), 'other');
      const first = await waitForTask(engine, 'shop_text');
      assert.equal(await first.secret('text'), TEXT);
      const holder = await waitForTask(engine, 'shop_bytes');
      assert.ok((await holder.exec(['cat', '/run/secrets/bytes'])).stdoutBytes.equals(BYTES));
      const sentence = 'the value was sealed for secret shop_text of stack shop, and not for secret';
      assert.match(
        await untilRefused('shop_thief'),
        new RegExp(
          `failure +value: ${sentence} shop_thief of stack shop\n +Mend: docker coffer seal --name thief --stack shop -\n`,
        ),
      );
      assert.match(
        await untilRefused('other_text'),
        new RegExp(`failure +value: ${sentence} other_text of stack other\n`),
      );
      assert.deepEqual(await of().storedNames(), []);
      const records = (await of().cli(['audit', '--secret', 'shop_text'])).stdout;
      assert.match(records, /deliver +shop_text +shop_text .*sealed value [0-9a-f]{16}/);

      const { stdout } = await of().cli(['reseal', file]);
      assert.equal(stdout, `${file}: 3 values sealed anew\n`);
      const { ID } = JSON.parse(old) as { readonly ID: string };
      await of().cli(['sealing-key', '--forget', ID]);
      await deploy(file, 'shop');
      assert.deepEqual(
        await states(),
        ['shop_bytes current', 'shop_text current'],
        'the values are the same',
      );
      const [, resealed = ''] = /text: .*sealed: (\S+)/.exec(readFileSync(file, 'utf8')) ?? [];
      writeFileSync(inside('sealing.pem'), (await of().cli(['sealing-key', '--certificate'])).stdout);
      const changed = readFileSync(file, 'utf8').replace(resealed, await seal('text', 'changed'));
      writeFileSync(file, changed);
      await deploy(file, 'shop');
      assert.deepEqual(await states(), ['shop_bytes current', 'shop_text stale']);
      const [second, again] = await Promise.all([
        updateService(engine, 'shop_text', ['--force'], first),
        updateService(engine, 'shop_bytes', ['--force'], holder),
      ]);
      assert.equal(await second.secret('text'), 'changed');
      assert.ok((await again.exec(['cat', '/run/secrets/bytes'])).stdoutBytes.equals(BYTES));
    });
  });
}
