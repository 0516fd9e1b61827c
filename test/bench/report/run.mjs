// SPDX-License-Identifier: Apache-2.0
// Runs the report of the benchmarks; see main.ts for its words.
import { runProgram } from '../../support/run-program.mjs';

process.exitCode = await runProgram('test/bench/report/main.ts', process.argv.slice(2));
