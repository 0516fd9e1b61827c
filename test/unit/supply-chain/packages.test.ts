// SPDX-License-Identifier: Apache-2.0
// What is fetched is what was looked at once, and runs nothing while it is installed.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { projectRoot } from '../../support/project.ts';

function read(name: string): string {
  return readFileSync(path.join(projectRoot(), name), 'utf8');
}

interface LockedPackage {
  readonly version: string;
  readonly integrity?: string;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
}

interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

/** Whether npm installs it where the plugin can be built: on Linux, on x64 or arm64, with glibc. */
function isInstalled({ os = ['linux'], cpu = ['x64'], libc = ['glibc'] }: LockedPackage): boolean {
  return os.includes('linux') && (cpu.includes('x64') || cpu.includes('arm64')) && libc.includes('glibc');
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
}

test('each npm package that is installed is locked by a SHA-512, and each that is asked for by name has one version', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as Lock;
  const installed = Object.entries(packages).filter(([place, found]) => place !== '' && isInstalled(found));
  assert.ok(installed.length > 100);
  const loose = installed.filter(([, { integrity = '' }]) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity));
  assert.deepEqual(
    loose.map(([place]) => place),
    [],
  );
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Manifest;
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
    assert.match(version, /^\d+\.\d+\.\d+$/, name);
    assert.equal(packages[`node_modules/${name}`]?.version, version);
  }
});

test('no script of a package is run when it is installed, nor one of coffer', () => {
  assert.match(read('.npmrc'), /^ignore-scripts=true$/m);
  const { scripts } = JSON.parse(read('package.json')) as Manifest;
  assert.deepEqual(
    Object.keys(scripts).filter((name) => /^(pre|post|install|prepare)/.test(name)),
    [],
  );
});

test('Node comes in a fixed version, of a fixed digest for each processor', () => {
  const script = read('plugin/node.mjs');
  assert.match(script, /nodeVersion = '\d+\.\d+\.\d+'/);
  assert.equal(script.match(/'sha512-[A-Za-z0-9+/]{86}=='/g)?.length, 2);
});

test('the plugin makes no code from texts, and nobody reaches a prototype through __proto__', () => {
  const { entrypoint } = JSON.parse(read('config.json')) as { readonly entrypoint: readonly string[] };
  for (const option of ['--disallow-code-generation-from-strings', '--disable-proto=delete']) {
    assert.ok(entrypoint.includes(option), option);
  }
});
