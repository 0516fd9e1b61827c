// SPDX-License-Identifier: Apache-2.0
// Bundles the two programs, each into one CommonJS file, with LevelDB's prebuilt addon beside them:
//   dist/coffer-daemon.cjs   the daemon        dist/coffer.cjs   the command line
// and writes down what is in each: NAME.inputs.json as esbuild says it, NAME.THIRD-PARTY-LICENSES, and for the command line
// coffer.cdx.json, its bill of materials. That of the plugin has more in it: plugin/build.mjs.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { build } from 'esbuild';
import { billOfMaterials } from './plugin/bill-of-materials.mjs';
import { daemonParts, npmParts } from './plugin/parts.mjs';
import { thirdPartyLicences } from './plugin/third-party-licences.mjs';

const root = import.meta.dirname;
const out = path.join(root, 'dist');
const { version, license, dependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));

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
      const { outputFiles, metafile } = await build({
        metafile: true,
        absWorkingDir: root,
        entryPoints: [path.join(ui, 'browser', 'main.ts')],
        bundle: true,
        write: false,
        minify: true,
        platform: 'browser',
        target: 'es2022',
        format: 'iife',
      });
      // What is bundled here is in no bill of materials.
      const foreign = Object.keys(metafile.inputs).find((input) => !input.startsWith('src/'));
      if (foreign !== undefined) {
        return {
          errors: [{ text: `what runs in the browser is coffer's own alone, and ${foreign} is not` }],
        };
      }
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

/**
 * The command line's: Node reads it through before each command, and half as long takes half the time. Of the daemon, names in a
 * stack are worth more.
 */
export const commandLineOptions = { ...bundleOptions, minify: true };

/** Those of a test, whose stacks name the source, which is beside it. */
export const testBundleOptions = { ...bundleOptions, legalComments: 'none', sourcesContent: false };

/** Puts LevelDB's addon for this machine's processor where a bundle in `directory` looks for it. */
export function copyAddon(directory) {
  const require = createRequire(import.meta.url);
  const level = path.dirname(require.resolve('classic-level/package.json'));
  const platform = `${process.platform}-${process.arch}`;
  mkdirSync(path.join(directory, 'prebuilds'), { recursive: true });
  cpSync(path.join(level, 'prebuilds', platform), path.join(directory, 'prebuilds', platform), {
    recursive: true,
  });
}

/** Bundles `entry` as `name`, and resolves to esbuild's description of what it has put into that. */
async function buildProgram(name, entry, options) {
  const { metafile } = await build({
    ...options,
    entryPoints: { [name]: entry },
    outdir: out,
    outExtension: { '.js': '.cjs' },
    absWorkingDir: root,
    metafile: true,
  });
  const { inputs } = metafile.outputs[path.relative(root, path.join(out, `${name}.cjs`))];
  writeFileSync(path.join(out, `${name}.inputs.json`), `${JSON.stringify(inputs, null, 2)}\n`);
  return inputs;
}

/**
 * Makes a bundle of the command line a program that a shell starts. Docker asks it what it is before each `docker coffer`, and
 * is answered by the shell, which costs a twentieth of starting Node. To Node the shell's line is a text with a comment behind.
 */
export function makeExecutable(file) {
  const bundle = readFileSync(file, 'utf8');
  const question = 'docker-cli-plugin-metadata';
  const answer = execFileSync(process.execPath, [file, question], { encoding: 'utf8' }).trim();
  if (/['\\\n]/.test(answer)) {
    throw new Error(`a shell would not say this as it stands: ${answer}`);
  }
  const shell = `':' //; [ "$1" = ${question} ] && printf '%s\\n' '${answer}' && exit; exec node "$0" "$@"`;
  const added = `#!/bin/sh\n${shell}\n`;
  writeFileSync(file, `${added}${bundle}`);
  moveDown(`${file}.map`, added.split('\n').length - 1);
  chmodSync(file, 0o755);
}

/** Has a source map tell of a program that begins so many lines further down. */
function moveDown(file, lines) {
  const map = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...map, mappings: `${';'.repeat(lines)}${map.mappings}` }));
}

async function buildPrograms() {
  rmSync(out, { recursive: true, force: true });
  const daemonInputs = await buildProgram('coffer-daemon', 'src/main.ts', bundleOptions);
  const inputs = await buildProgram('coffer', 'src/cli/main.ts', commandLineOptions);
  const program = path.join(out, 'coffer.cjs');
  makeExecutable(program);
  copyAddon(out);
  const parts = npmParts(inputs);
  const sha256 = createHash('sha256').update(readFileSync(program)).digest('hex');
  const bill = billOfMaterials({
    about: { name: 'coffer', version, licence: license },
    files: [{ place: 'coffer.cjs', sha256 }],
    parts,
    uses: Object.keys(dependencies),
  });
  writeFileSync(path.join(out, 'coffer.cdx.json'), bill);
  writeFileSync(path.join(out, 'coffer.THIRD-PARTY-LICENSES'), thirdPartyLicences(parts));
  const daemonLicences = thirdPartyLicences(daemonParts(daemonInputs));
  writeFileSync(path.join(out, 'coffer-daemon.THIRD-PARTY-LICENSES'), daemonLicences);
}

if (process.argv[1] === import.meta.filename) {
  await buildPrograms();
}
