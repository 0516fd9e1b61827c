// SPDX-License-Identifier: Apache-2.0
// What Swarm accepts as a secret's name (swarmkit, manager/controlapi/common.go). Grants name secrets too, and know nothing of
// the room that keeps them.

/** A name holds 1 to this many characters. */
export const NAME_LENGTH_MAX = 64;

const NAME_PATTERN = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-_.]*[a-zA-Z0-9])?$/;

/** Whether Swarm would take `name` for a secret. */
export function isSecretName(name: string): boolean {
  return name.length <= NAME_LENGTH_MAX && NAME_PATTERN.test(name);
}
