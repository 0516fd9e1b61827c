// SPDX-License-Identifier: Apache-2.0
import { currentVersion } from '../../../src/secrets/index.ts';
import type { Member } from '../cluster/cluster.ts';
import { describeRegister, registerKey } from '../workload/secret-register.ts';
import { tagOf } from '../workload/values.ts';
import type { ReferenceState } from './reference-state.ts';
import type { Violations } from './violations.ts';

/** Every member holds the secrets that the committed log makes, with their values, and no others. */
export function checkFinalStates(
  members: readonly Member[],
  reference: ReferenceState,
  violations: Violations,
): void {
  for (const {
    name: node,
    node: { replica },
  } of members) {
    const state = replica?.state;
    if (state === undefined) {
      violations.report('final state', `${node} does not run`);
      return;
    }
    const expected = reference.registers;
    const found = state.index.list();
    if (found.length !== expected.size) {
      violations.report(
        'final state',
        `${node} has ${found.length} secrets, and the log makes ${expected.size}`,
      );
    }
    for (const [name, register] of expected) {
      const secret = state.index.byName(name);
      const version = secret === undefined ? 0 : currentVersion(secret).number;
      const there =
        secret === undefined
          ? ('absent' as const)
          : { id: secret.id, version, value: tagOf(state.readValue(secret.id, version).expose()) };
      if (registerKey(there) !== registerKey(register)) {
        violations.report(
          'final state',
          `${node} has ${describeRegister(there)} under ${name}, and the log makes ${describeRegister(register)}`,
        );
      }
    }
  }
}
