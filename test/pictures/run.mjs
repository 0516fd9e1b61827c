// SPDX-License-Identifier: Apache-2.0
// Takes the pictures of the web page anew that docs/web-page.md shows: node test/pictures/run.mjs
import { runProgram } from '../support/run-program.mjs';

process.exitCode = await runProgram('test/pictures/pictures.ts', process.argv.slice(2));
