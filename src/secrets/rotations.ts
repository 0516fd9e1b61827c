// SPDX-License-Identifier: Apache-2.0
// The rules by which a rotation begins and goes back: with a version each.
import { CofferError } from '../common/index.ts';
import { begunRotation, NOT_HELD, type RotationObject, runningRotation } from '../membership/index.ts';
import { currentVersion, type Secret } from './model.ts';
import type { RevertRotation, RotateSecret } from './rotation-command.ts';
import type { Effect, Outcome, SecretsView } from './state-machine.ts';
import { checkValueSize, KEEP_LABEL, versionsToKeep } from './validate.ts';
import { rollback, withNewVersion } from './versions.ts';

export function rotate(view: SecretsView, secret: Secret, command: RotateSecret, index: number): Outcome {
  const { at_ms, expect, rotationId, services, timeout_ms, value } = command;
  const current = currentVersion(secret).number;
  if (expect !== undefined && expect !== current) {
    throw new CofferError(
      'secret.version-conflict',
      `secret ${secret.name} is at version ${current}, not ${expect}`,
    );
  }
  if (versionsToKeep(secret.labels) < 2) {
    throw new CofferError('rotation.refused', `secret ${secret.name} keeps no version to go back to`, {
      hint: `Let label ${KEEP_LABEL} be 2 or more, or store the value without a rotation: docker coffer put ${secret.name} -`,
    });
  }
  checkValueSize(value.byteLength);
  const outcome = withNewVersion({ ...secret, updatedAt_ms: at_ms, modifiedIndex: index }, value, at_ms);
  const begun = begunRotation(view.cluster, {
    kind: 'rotation',
    id: rotationId,
    secretId: secret.id,
    secretName: secret.name,
    fromVersion: current,
    toVersion: current + 1,
    restoredVersion: 0,
    phase: 'updating',
    problem: '',
    timeout_ms,
    services,
    begunAt_ms: at_ms,
    endedAt_ms: 0,
    ...NOT_HELD,
  });
  return { ...outcome, effects: [...outcome.effects, ...begun] };
}

export function revertRotation(view: SecretsView, command: RevertRotation, index: number): Outcome {
  const rotation = runningRotation(view.cluster, command.id);
  if (rotation.phase !== 'updating') {
    throw new CofferError(
      'rotation.refused',
      `the rotation of secret ${rotation.secretName} goes back already`,
      { hint: `See how far it is: docker coffer rotate --status ${rotation.secretName}` },
    );
  }
  const secret = view.byId(rotation.secretId);
  const obstacle = command.restore ? obstacleTo(rotation, secret) : 'the value before does not open';
  if (secret === undefined || obstacle !== undefined) {
    return {
      kind: 'applied',
      secret,
      effects: [goingBack(rotation, `${command.problem}; ${obstacle}`, 0)],
    };
  }
  const { at_ms } = command;
  const { id, fromVersion: version, toVersion } = { ...rotation, id: rotation.secretId };
  const outcome = rollback(secret, { kind: 'rollback', id, version, expect: toVersion, at_ms }, index);
  return {
    ...outcome,
    effects: [...outcome.effects, goingBack(rotation, command.problem, toVersion + 1)],
  };
}

/** Why the value before is not put back. */
function obstacleTo(
  { fromVersion, toVersion }: RotationObject,
  secret: Secret | undefined,
): string | undefined {
  if (secret === undefined) {
    return 'the secret was removed meanwhile';
  }
  const current = currentVersion(secret).number;
  if (current !== toVersion) {
    return `version ${current} was stored meanwhile, and stays`;
  }
  const isThere = secret.versions.some(({ number }) => number === fromVersion);
  return isThere ? undefined : `version ${fromVersion} is not there any more`;
}

function goingBack(rotation: RotationObject, problem: string, restoredVersion: number): Effect {
  const back = { ...rotation, ...NOT_HELD, phase: 'rolling-back', problem, restoredVersion } as const;
  return { kind: 'put-object', object: back };
}
