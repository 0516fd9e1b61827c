// SPDX-License-Identifier: Apache-2.0
// Bundles the simulator, with a mutation of the code under test if one is given. In the bundle all randomness of
// node:crypto throws: a run depends on its seed alone.
//
//   node test/sim/build-simulator.mjs OUTPUT [MUTATION]     MUTATION is a JSON object { file, search, replacement, also }
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { copyAddon, testBundleOptions } from '../../build.mjs';

const root = path.join(import.meta.dirname, '..', '..');

const NO_RANDOM = `
const crypto = require('node:crypto');
const forbidden = (name) => () => {
  throw new Error(name + ' makes a run depend on more than its seed');
};
module.exports = {
  ...crypto,
  randomBytes: forbidden('randomBytes'),
  randomFillSync: forbidden('randomFillSync'),
  randomInt: forbidden('randomInt'),
  randomUUID: forbidden('randomUUID'),
};
`;

const noRandom = {
  name: 'no-random',
  setup(bundler) {
    bundler.onResolve({ filter: /^(node:)?crypto$/ }, ({ namespace }) =>
      namespace === 'no-random'
        ? { path: 'node:crypto', external: true }
        : { path: 'crypto', namespace: 'no-random' },
    );
    bundler.onLoad({ filter: /.*/, namespace: 'no-random' }, () => ({ contents: NO_RANDOM, loader: 'js' }));
  },
};

/** Replaces a part of the file's text that must stand there exactly once. */
function changed(text, { file, search, replacement }) {
  const count = text.split(search).length - 1;
  if (count !== 1) {
    throw new Error(
      `${file} has the text of the mutation ${count} times, and should have it once:\n${search}`,
    );
  }
  return text.replace(search, () => replacement);
}

/** Puts the changed files in the place of those on the disk. */
function mutate(edits) {
  const texts = new Map();
  for (const edit of edits) {
    const file = path.join(root, edit.file);
    texts.set(file, changed(texts.get(file) ?? readFileSync(file, 'utf8'), edit));
  }
  return {
    name: 'mutate',
    setup(bundler) {
      bundler.onLoad({ filter: /\.ts$/ }, ({ path: file }) => {
        const contents = texts.get(file);
        return contents === undefined ? undefined : { contents, loader: 'ts' };
      });
    },
  };
}

/** Writes the bundle to `output`. */
export async function buildSimulator(output, mutation) {
  await build({
    ...testBundleOptions,
    entryPoints: [path.join(root, 'test/sim/worker.ts')],
    outfile: output,
    absWorkingDir: root,
    sourcemap: 'inline',
    plugins: [
      ...testBundleOptions.plugins,
      noRandom,
      ...(mutation === undefined
        ? []
        : [mutate([mutation, ...(mutation.also === undefined ? [] : [mutation.also])])]),
    ],
  });
  copyAddon(path.dirname(output));
}

if (process.argv[1] === import.meta.filename) {
  const [output, mutation] = process.argv.slice(2);
  await buildSimulator(output, mutation === undefined ? undefined : JSON.parse(mutation));
}
