// SPDX-License-Identifier: Apache-2.0
// The same source gives the same programs and the same plugin, wherever, whenever and by whomever it is built.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/cleanup.ts';
import { runCommand } from '../../support/command.ts';
import { projectRoot } from '../../support/project.ts';

/** Far more than it takes: other tests run beside this one. */
const LIMIT_MS = 300_000;

/** What a build reads. */
const SOURCES = [
  'src',
  'plugin',
  'build.mjs',
  'package.json',
  'package-lock.json',
  'config.json',
  'tsconfig.json',
  'LICENSE',
];

/** Has a program of Node believe that it is a year later. */
const LATER = `const Now = Date;
  globalThis.Date = class extends Now {
    constructor(...given) { super(...(given.length === 0 ? [Now.now() + 365 * 86_400_000] : given)); }
    static now() { return new Date().getTime(); }
  };`;

interface Built {
  readonly directory: string;
  readonly digest: string;
  readonly programs: Readonly<Record<string, string>>;
}

interface Builder {
  readonly place: string;
  readonly umask: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Hard links where they are possible, since the packages and Node are large and only read. */
async function link(source: string, target: string): Promise<void> {
  mkdirSync(path.dirname(target), { recursive: true });
  const copy = 'cp -al "$1" "$2" 2>/dev/null || cp -a "$1" "$2"';
  await runCommand(['sh', '-c', copy, 'cp', source, target], { timeout_ms: LIMIT_MS });
}

async function copyProject(directory: string): Promise<void> {
  const root = projectRoot();
  for (const source of SOURCES) {
    cpSync(path.join(root, source), path.join(directory, source), { recursive: true });
  }
  await link(path.join(root, 'node_modules'), path.join(directory, 'node_modules'));
  const cache = path.join('build', 'cache');
  const node = readdirSync(path.join(root, cache)).find((name) => name.startsWith('node-linux-'));
  assert.ok(node !== undefined, 'Node has been fetched: make plugin');
  await link(path.join(root, cache, node), path.join(directory, cache, node));
}

async function build({ place, umask, env }: Builder): Promise<Built> {
  await copyProject(place);
  const script = 'umask "$1"; "$2" build.mjs && "$2" plugin/build.mjs';
  await runCommand(['sh', '-c', script, 'build', umask, process.execPath], {
    cwd: place,
    env,
    timeout_ms: LIMIT_MS,
  });
  const sha256 = (name: string): string =>
    createHash('sha256')
      .update(readFileSync(path.join(place, 'dist', name)))
      .digest('hex');
  const names = readdirSync(path.join(place, 'dist')).filter((name) => name.startsWith('coffer'));
  return {
    directory: place,
    digest: readFileSync(path.join(place, 'build', 'plugin.sha256'), 'utf8').trim(),
    programs: Object.fromEntries(names.map((name) => [name, sha256(name)])),
  };
}

describe('two builds, elsewhere, at another time, with another umask, time zone and language', () => {
  let temporary: TemporaryDirectory;
  let one: Built;
  let other: Built;

  before(
    async () => {
      temporary = temporaryDirectory(path.join(projectRoot(), 'build'));
      [one, other] = await Promise.all([
        build({
          place: path.join(temporary.path, 'a'),
          umask: '0022',
          env: { TZ: 'UTC', LANG: 'C.UTF-8' },
        }),
        build({
          place: path.join(temporary.path, 'a longer place', 'z'),
          umask: '0077',
          env: {
            TZ: 'Pacific/Auckland',
            LANG: 'tr_TR.UTF-8',
            LC_ALL: 'tr_TR.UTF-8',
            NODE_OPTIONS: `--import data:text/javascript;base64,${Buffer.from(LATER).toString('base64')}`,
          },
        }),
      ]);
    },
    { timeout: LIMIT_MS },
  );
  after(() => {
    temporary.remove();
  });

  test('give the same plugin', () => {
    assert.match(one.digest, /^[0-9a-f]{64}$/);
    assert.equal(one.digest, other.digest);
  });

  test('give the same programs, which do not tell where they were built', () => {
    assert.ok(Object.keys(one.programs).includes('coffer.cjs'));
    assert.deepEqual(one.programs, other.programs);
    for (const name of Object.keys(one.programs)) {
      assert.ok(!readFileSync(path.join(one.directory, 'dist', name)).includes(temporary.path), name);
    }
  });

  test('leave no map of the source in the plugin', () => {
    const files = readdirSync(path.join(one.directory, 'build', 'plugin'), {
      recursive: true,
      encoding: 'utf8',
    });
    assert.ok(files.length > 20);
    assert.deepEqual(
      files.filter((file) => file.endsWith('.map')),
      [],
    );
  });

  test('have a digest that anybody finds with tar', async () => {
    const documented = /^ {4}build\/plugin\$ (tar .+) \| sha256sum$/m.exec(
      readFileSync(path.join(projectRoot(), 'docs', 'supply-chain.md'), 'utf8'),
    )?.[1];
    assert.ok(documented !== undefined, 'docs/supply-chain.md says how');
    const { stdout } = await runCommand(['sh', '-c', `${documented} | sha256sum`], {
      cwd: path.join(one.directory, 'build', 'plugin'),
    });
    assert.equal(stdout.split(' ')[0], one.digest);
  });

  test('have another digest when one bit of a mode differs', async () => {
    const plugin = path.join(other.directory, 'build', 'plugin');
    const file = path.join(plugin, 'rootfs', 'etc', 'group');
    assert.ok(existsSync(file));
    await runCommand(['chmod', '0600', file]);
    const script = `import { pluginDigest } from './plugin/plugin-digest.mjs';
      console.log(await pluginDigest('build/plugin', 0));`;
    const { stdout } = await runCommand([process.execPath, '--input-type=module', '-e', script], {
      cwd: other.directory,
    });
    assert.notEqual(stdout.trim(), one.digest);
  });
});
