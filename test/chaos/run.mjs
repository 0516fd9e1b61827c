// SPDX-License-Identifier: Apache-2.0
// Runs coffer on three engines while faults come, and checks that it keeps what it promises. Set by the environment:
//
//     DURATION=30m               for so long (default 10m)
//     SEED=17                    the faults that this number draws (default: another one each time)
//     FAULTS=kill-plugin,clock   only these faults; FAULTS=-clock: all but this one
import { whyLiveTestsCannotRun } from '../support/live-requirements.mjs';
import { runProgram } from '../support/run-program.mjs';

const obstacle = whyLiveTestsCannotRun();
if (obstacle === undefined) {
  process.exitCode = await runProgram('test/chaos/chaos.ts', [], { alone: true });
} else {
  process.stderr.write(`chaos: ${obstacle}\n`);
  process.exitCode = 1;
}
