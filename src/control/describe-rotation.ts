// SPDX-License-Identifier: Apache-2.0
import type { RotationObject } from '../membership/index.ts';
import type { RotationDescription } from './rotation-wire.ts';

/** It names each field, as `describeSecret` does. */
export function describeRotation(rotation: RotationObject): RotationDescription {
  const { endedAt_ms, heldAt_ms, heldBecause, problem, restoredVersion, services } = rotation;
  return {
    id: rotation.id,
    secret: rotation.secretName,
    fromVersion: rotation.fromVersion,
    toVersion: rotation.toVersion,
    restoredVersion: restoredVersion === 0 ? undefined : restoredVersion,
    phase: rotation.phase,
    problem: problem === '' ? undefined : problem,
    timeout_ms: rotation.timeout_ms,
    services: services.map(({ id, name, note, state }) => ({
      id,
      name,
      state,
      note: note === '' ? undefined : note,
    })),
    begunAt_ms: rotation.begunAt_ms,
    endedAt_ms: endedAt_ms === 0 ? undefined : endedAt_ms,
    heldAt_ms: heldBecause === '' ? undefined : heldAt_ms,
    heldBecause: heldBecause === '' ? undefined : heldBecause,
  };
}
