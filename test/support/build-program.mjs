// SPDX-License-Identifier: Apache-2.0
// Bundles a program that tests start as a process of its own, as coffer's own programs are bundled.
//
//   node test/support/build-program.mjs ENTRY OUTPUT [--executable]
import path from 'node:path';
import { build } from 'esbuild';
import { commandLineOptions, copyAddon, makeExecutable, testBundleOptions } from '../../build.mjs';

const [entry, output, executable] = process.argv.slice(2);
const isCommandLine = executable === '--executable';
const options = isCommandLine ? { ...commandLineOptions, legalComments: 'none' } : testBundleOptions;
await build({ ...options, entryPoints: [entry], outfile: output });
copyAddon(path.dirname(output));
if (isCommandLine) {
  makeExecutable(output);
}
