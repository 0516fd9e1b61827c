// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import { runCommand } from '../support/command.ts';
import { projectRoot } from '../support/project.ts';
import type { Mutation } from './mutations.ts';

/** Bundles the simulator under a name of its own, with a bug planted if one is given; resolves to the bundle's path. */
export async function buildSimulator(name: string, mutation?: Mutation): Promise<string> {
  const root = projectRoot();
  const output = path.join(root, 'build', 'test', 'simulator', `${name}.cjs`);
  const words = mutation === undefined ? [] : [JSON.stringify(mutation)];
  await runCommand([process.execPath, 'test/sim/build-simulator.mjs', output, ...words], { cwd: root });
  return output;
}
