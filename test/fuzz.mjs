// SPDX-License-Identifier: Apache-2.0
// Fuzzes the parsers of the product: see docs/fuzzing.md.
//
//   node test/fuzz.mjs     with, in the environment:
//     RUNS=100000          so many inputs for each target (default 20,000)
//     SEED=17              the seed (default: one is drawn)
//     ONLY=raft            only targets whose name has this in it
//     REPLAY=FILE          this input alone, in the target that the file's name says, or in ONLY
//     COVERAGE=0           does not look which code an input reaches
//     WORKERS=2            so many targets side by side (default: one for each processor)
import { runProgram } from './support/run-program.mjs';

process.exitCode = await runProgram('test/fuzz/main.ts', []);
