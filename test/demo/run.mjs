// SPDX-License-Identifier: Apache-2.0
import { runProgram } from '../support/run-program.mjs';

process.exitCode = await runProgram('test/demo/demo.ts', process.argv.slice(2));
