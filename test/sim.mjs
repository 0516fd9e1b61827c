// SPDX-License-Identifier: Apache-2.0
// Runs the replicated store in simulated clusters, each made and disturbed by what a seed draws.
//
//   node test/sim.mjs     with, in the environment:
//     SEEDS=1000          so many seeds (default 200)
//     SEED=17             this one alone; with SEEDS, the ones made of it
//     TRACE=1             shows all that happens
//     FAULTS=kill,rot     only these faults may be on; FAULTS=-rot: all but this one; FAULTS=none
//     WORKERS=2           so many processes side by side (default: one for each processor)
//     COVERAGE=1          shows how often each situation occurred
import path from 'node:path';
import { buildSimulator } from './sim/build-simulator.mjs';
import { runProgram } from './support/run-program.mjs';

const bundle = path.join(import.meta.dirname, '..', 'build', 'test', 'simulator', 'simulator.cjs');
await buildSimulator(bundle);
process.exitCode = await runProgram('test/sim/run-seeds.ts', [bundle]);
