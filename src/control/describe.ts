// SPDX-License-Identifier: Apache-2.0
import type { CofferError } from '../common/index.ts';
import type { RotationObject } from '../membership/index.ts';
import { nextRotation_ms } from '../rotation/index.ts';
import { currentVersion, expiresAt_ms, type Secret } from '../secrets/index.ts';
import type { ErrorReply, SecretDescription } from './wire.ts';

/** What is told of a secret. It names each field, so that one added to the model does not leave by itself. */
export function describeSecret(secret: Secret): SecretDescription {
  const current = currentVersion(secret);
  return {
    id: secret.id,
    name: secret.name,
    labels: secret.labels,
    origin: secret.origin,
    pending: secret.pending,
    engine: secret.engine && { secretId: secret.engine.secretId, swarmId: secret.engine.swarmId },
    version: current.number,
    size: current.size,
    versions: secret.versions.map(({ number, createdAt_ms, size, copyOf }) => ({
      number,
      createdAt_ms,
      size,
      copyOf,
    })),
    destroyed: secret.destroyed.map(({ number, createdAt_ms, size, destroyedAt_ms }) => ({
      number,
      createdAt_ms,
      size,
      destroyedAt_ms,
    })),
    createdAt_ms: secret.createdAt_ms,
    updatedAt_ms: secret.updatedAt_ms,
    expiresAt_ms: expiresAt_ms(secret),
  };
}

/** Likewise, with when it is to be rotated by itself. */
export function describeWithSchedule(
  secret: Secret,
  rotations: readonly RotationObject[],
  now_ms: number,
): SecretDescription {
  return { ...describeSecret(secret), nextRotationAt_ms: nextRotation_ms(secret, rotations, now_ms) };
}

/** The body of a refusal. */
export function describeError(error: CofferError): ErrorReply {
  return { code: error.code, message: error.detail, hint: error.hint };
}
