// SPDX-License-Identifier: Apache-2.0
import { runProgram } from '../support/run-program.mjs';

process.exitCode = await runProgram('test/bench/flames.ts', process.argv.slice(2));
