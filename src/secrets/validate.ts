// SPDX-License-Identifier: Apache-2.0
// What Swarm accepts as a name, a value and labels (swarmkit, manager/controlapi/common.go and secret.go).
import { CofferError, isSecretName } from '../common/index.ts';
import { isCanary } from './canary.ts';
import { expiryLabel } from './expiry.ts';
import { DESTROYED_KEPT, LABELS_BYTES_MAX, VALUE_BYTES_MAX, VERSIONS_KEPT } from './limits.ts';
import type { DestroyedVersion, Labels } from './model.ts';
import { ROTATE_LABEL, rotationLabels } from './rotation-labels.ts';

export { isSecretName };

/** Throws `secret.name-invalid` unless Swarm would take `name`. */
export function checkName(name: string): void {
  if (!isSecretName(name)) {
    throw new CofferError(
      'secret.name-invalid',
      'the name is invalid: 1 to 64 of [a-zA-Z0-9-_.], and the first and last of [a-zA-Z0-9]',
    );
  }
}

/** Throws `secret.value-size` unless Swarm would take a value of `size` bytes. */
export function checkValueSize(size: number): void {
  if (size < 1 || size > VALUE_BYTES_MAX) {
    throw new CofferError(
      'secret.value-size',
      `a value has 1 to ${VALUE_BYTES_MAX} bytes; this one has ${size}`,
    );
  }
}

/** How many versions the secret is to keep; absent: `VERSIONS_KEPT`. */
export const KEEP_LABEL = 'coffer.keep';

/** Throws `secret.label-invalid` if the labels together are larger than coffer keeps, or one of coffer's own is wrong. */
export function checkLabels(labels: Labels): void {
  let bytes = 0;
  for (const [key, value] of Object.entries(labels)) {
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > LABELS_BYTES_MAX) {
    throw new CofferError(
      'secret.label-invalid',
      `the labels together have ${bytes} bytes; the limit is ${LABELS_BYTES_MAX}`,
    );
  }
  if (rotationLabels(labels) !== undefined && versionsToKeep(labels) < 2) {
    throw new CofferError(
      'secret.label-invalid',
      `label ${ROTATE_LABEL} needs a version to go back to: ${KEEP_LABEL} is 2 or more`,
    );
  }
  versionsToKeep(labels);
  expiryLabel(labels);
  isCanary(labels);
}

/** What the label `coffer.keep` says. Throws `secret.label-invalid` if it says nothing that can be. */
export function versionsToKeep(labels: Labels): number {
  const text = Object.hasOwn(labels, KEEP_LABEL) ? labels[KEEP_LABEL] : undefined;
  if (text === undefined) {
    return VERSIONS_KEPT;
  }
  const keep = /^[1-9][0-9]?$/.test(text) ? Number(text) : 0;
  if (keep < 1 || keep > VERSIONS_KEPT) {
    throw new CofferError(
      'secret.label-invalid',
      `label ${KEEP_LABEL} is how many versions are kept, 1 to ${VERSIONS_KEPT}, not ${JSON.stringify(text.slice(0, 80))}`,
    );
  }
  return keep;
}

/** Whether a secret with these versions can have had those: see `Secret`. */
export function areDestroyed(
  destroyed: readonly DestroyedVersion[],
  versions: readonly { readonly number: number }[],
): boolean {
  const kept = new Set(versions.map(({ number }) => number));
  const newest = versions.at(-1)?.number ?? 0;
  const inPlace = destroyed.every(
    ({ number }, place) =>
      number > (destroyed[place - 1]?.number ?? 0) && number < newest && !kept.has(number),
  );
  return inPlace && destroyed.length <= DESTROYED_KEPT;
}
