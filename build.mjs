// SPDX-License-Identifier: Apache-2.0
// Bundles the two programs, each into one CommonJS file, with LevelDB's prebuilt addon beside them:
//   dist/coffer-daemon.cjs   the daemon        dist/coffer.cjs   the command line
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { build } from 'esbuild';

const root = import.meta.dirname;
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));

/**
 * dockerode can speak to an engine over SSH and gRPC, which coffer never does: those libraries
 * are left out, which also lets the daemon run with code generation switched off.
 */
const leaveOut = {
  name: 'leave-out',
  setup(bundler) {
    const unused = /^(ssh2|@grpc\/grpc-js|@grpc\/proto-loader|protobufjs)$/;
    bundler.onResolve({ filter: unused }, ({ path: name }) => ({ path: name, namespace: 'left-out' }));
    bundler.onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({ contents: 'module.exports = {};' }));
  },
};

const ui = path.join(root, 'src', 'ui');

/** The texts of a directory's files one after the other, in the order of their names. */
function readTexts(directory) {
  const files = readdirSync(directory).sort();
  return files.map((file) => readFileSync(path.join(directory, file), 'utf8')).join('\n');
}

/** What a browser is given besides the pages: one script, one stylesheet and an icon, as texts in the bundle. */
const uiAssets = {
  name: 'ui-assets',
  setup(bundler) {
    bundler.onResolve({ filter: /^coffer:ui-assets$/ }, ({ path: name }) => ({
      path: name,
      namespace: 'assets',
    }));
    bundler.onLoad({ filter: /.*/, namespace: 'assets' }, async () => {
      const { outputFiles } = await build({
        entryPoints: [path.join(ui, 'browser', 'main.ts')],
        bundle: true,
        write: false,
        minify: true,
        platform: 'browser',
        target: 'es2022',
        format: 'iife',
      });
      const texts = {
        script: outputFiles[0].text,
        style: readTexts(path.join(ui, 'style')),
        icon: readFileSync(path.join(ui, 'icon.svg'), 'utf8'),
      };
      const lines = Object.entries(texts).map(
        ([name, text]) => `export const ${name} = ${JSON.stringify(text)};`,
      );
      return { contents: lines.join('\n') };
    });
  },
};

/** The options that every bundle of the project shares, the tests' included. */
export const bundleOptions = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  sourcemap: 'linked',
  legalComments: 'external',
  logLevel: 'warning',
  define: { 'process.env.COFFER_VERSION': JSON.stringify(version) },
  plugins: [leaveOut, uiAssets],
};

/** Puts LevelDB's addon for this machine's processor where a bundle in `directory` looks for it. */
export function copyAddon(directory) {
  const require = createRequire(import.meta.url);
  const package_ = path.dirname(require.resolve('classic-level/package.json'));
  const platform = `${process.platform}-${process.arch}`;
  mkdirSync(path.join(directory, 'prebuilds'), { recursive: true });
  cpSync(path.join(package_, 'prebuilds', platform), path.join(directory, 'prebuilds', platform), {
    recursive: true,
  });
}

async function buildPrograms() {
  const out = path.join(root, 'dist');
  rmSync(out, { recursive: true, force: true });
  await build({
    ...bundleOptions,
    entryPoints: { 'coffer-daemon': 'src/main.ts' },
    outdir: out,
    outExtension: { '.js': '.cjs' },
    absWorkingDir: root,
  });
  await build({
    ...bundleOptions,
    entryPoints: { coffer: 'src/cli/main.ts' },
    outdir: out,
    outExtension: { '.js': '.cjs' },
    absWorkingDir: root,
    banner: { js: '#!/usr/bin/env node' },
  });
  chmodSync(path.join(out, 'coffer.cjs'), 0o755);
  copyAddon(out);
}

if (process.argv[1] === import.meta.filename) {
  await buildPrograms();
}
