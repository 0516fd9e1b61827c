// SPDX-License-Identifier: Apache-2.0
// When secrets are rotated by themselves. Pure: what time it is, it is told.
import { isRunning, type RotationObject } from '../membership/index.ts';
import { currentVersion, type Secret } from '../secrets/index.ts';
import { renewalRule, type ValueSource } from './renewal-rule.ts';

/** A secret whose time has come. */
export interface DueRotation {
  readonly secret: Secret;
  /** What the new value is made from. */
  readonly source: ValueSource;
  /** Since when. */
  readonly dueAt_ms: number;
}

/**
 * The secrets that are to be rotated now, the one whose time came first in front. None while any rotation goes on: they come one
 * after the other.
 */
export function dueRotations(
  secrets: readonly Secret[],
  rotations: readonly RotationObject[],
  now_ms: number,
): readonly DueRotation[] {
  if (rotations.some(isRunning)) {
    return [];
  }
  return secrets
    .flatMap((secret): readonly DueRotation[] => {
      const dueAt_ms = nextRotation_ms(secret, rotations, now_ms);
      const source = renewalRule(secret)?.source;
      return dueAt_ms === undefined || source === undefined || dueAt_ms > now_ms
        ? []
        : [{ secret, source, dueAt_ms }];
    })
    .toSorted((a, b) => a.dueAt_ms - b.dueAt_ms || (a.secret.name < b.secret.name ? -1 : 1));
}

/**
 * When the secret is to be rotated by itself; undefined if it is not. A moment of the past: it is due since then. What seems to come
 * from the future, of a clock that was ahead, counts as just made, so that it is not rotated twice.
 */
export function nextRotation_ms(
  secret: Secret,
  rotations: readonly RotationObject[],
  now_ms: number,
): number | undefined {
  const rule = renewalRule(secret);
  if (rule === undefined || secret.pending) {
    return undefined;
  }
  const { every_ms, retry_ms, source } = rule;
  const afterwards_ms = (at_ms: number, wait_ms: number): number => Math.min(at_ms, now_ms) + wait_ms;
  const { copyOf, createdAt_ms } = currentVersion(secret);
  // What was put back is as old as it is. Where nobody knows that any more, it is taken for too old.
  const first = secret.versions.find(({ number }) => number === copyOf);
  const back = lastThatWentBack(secret, rotations);
  if (back === undefined) {
    // A certificate that somebody has gone back to ends as it ever did.
    const isOld = source.kind === 'certificate' && copyOf !== undefined;
    return afterwards_ms(isOld ? (first?.createdAt_ms ?? 0) : createdAt_ms, every_ms);
  }
  return Math.max(
    afterwards_ms(first?.createdAt_ms ?? 0, every_ms),
    afterwards_ms(back.endedAt_ms, retry_ms),
  );
}

/** The last rotation of the secret, if it has gone back, and no version was made since. */
function lastThatWentBack(secret: Secret, rotations: readonly RotationObject[]): RotationObject | undefined {
  const current = currentVersion(secret).number;
  return rotations.find(
    (rotation) =>
      rotation.secretId === secret.id &&
      (rotation.phase === 'rolled-back' || rotation.phase === 'failed') &&
      Math.max(rotation.toVersion, rotation.restoredVersion) === current,
  );
}
