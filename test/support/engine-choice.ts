// SPDX-License-Identifier: Apache-2.0
// Which Docker Engine the live tests start: this machine's own, or one of another Debian (`node test/run.mjs --engine VERSION`).

/** The folder with the programs of the Debian whose engine is meant; undefined for this machine's own. */
export function engineRoot(): string | undefined {
  return process.env['TEST_ENGINE_ROOT'];
}

/** How the version of the engine must begin; undefined where any will do. */
export function expectedEngine(): string | undefined {
  return process.env['TEST_ENGINE'];
}
