// SPDX-License-Identifier: Apache-2.0
// What Swarm accepts as a name, a value and labels (swarmkit, manager/controlapi/common.go and secret.go).
import { CofferError, isSecretName } from '../common/index.ts';
import { DESTROYED_KEPT, LABELS_BYTES_MAX, VALUE_BYTES_MAX } from './limits.ts';
import type { DestroyedVersion, Labels } from './model.ts';

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

/** Throws `secret.label-invalid` if the labels together are larger than coffer keeps. */
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
