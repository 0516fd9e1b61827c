// SPDX-License-Identifier: Apache-2.0
// What the labels of one of the engine's secrets say of where its value comes from.
import { CofferError } from '../common/index.ts';
import { CERTIFICATE_LABELS } from './certificate-labels.ts';
import { GENERATE_LABEL } from './rotation-labels.ts';
import { findVersion, previousVersion } from './find-version.ts';
import { currentVersion, type Labels, type Secret } from './model.ts';
import { isSecretName } from './validate.ts';

/** The labels of a secret that say where its value comes from. */
export const LABELS = {
  /** Another name in the store. */
  name: 'coffer.name',
  /** A version's number, `current`, or `previous`: the newest one before it that was not destroyed. */
  version: 'coffer.version',
  /** Make the value at the first use: see `generateValue`. */
  generate: GENERATE_LABEL,
  /** The value itself, sealed to a key of the cluster for this secret alone. */
  sealed: 'coffer.sealed',
  /** `true`: tasks on one node may share the value, also when a later call fails. */
  reuse: 'coffer.reuse',
} as const;

/** Whether the value is made at the first use, if there is none. */
export function isMadeAtFirstUse(labels: Labels): boolean {
  return labels[LABELS.generate] !== undefined || labels[CERTIFICATE_LABELS.name] !== undefined;
}

/** The name in coffer's store that one of the engine's secrets stands for. */
export function storeNameOf(registered: { readonly name: string; readonly labels: Labels }): string {
  return registered.labels[LABELS.name] ?? registered.name;
}

/** The version that the labels ask for; undefined where that is whichever is current. */
export function pinIn(labels: Labels): string | undefined {
  const wanted = labels[LABELS.version] ?? 'current';
  return wanted === 'current' ? undefined : wanted;
}

/**
 * The version that the labels ask for, by its number. Throws `secret.version-not-found` where it is not there, or was destroyed, and
 * `secret.label-invalid`.
 */
export function wantedVersion(secret: Secret, labels: Labels): number {
  const wanted = pinIn(labels);
  if (wanted === undefined) {
    return currentVersion(secret).number;
  }
  if (wanted === 'previous') {
    return previousVersion(secret).number;
  }
  if (!/^[1-9][0-9]{0,9}$/.test(wanted)) {
    throw new CofferError(
      'secret.label-invalid',
      `label ${LABELS.version} is a version's number, "current" or "previous", not ${printable(wanted)}`,
    );
  }
  return findVersion(secret, Number(wanted)).number;
}

/** There is no value of that name. */
export function noSuchSecret(name: string): CofferError {
  return new CofferError('secret.not-found', `coffer holds no secret ${printable(name)}`, {
    hint: `Store its value: docker coffer put ${printable(name)} -`,
  });
}

/** What a user wrote, short and in one line. */
export function printable(text: string): string {
  return isSecretName(text) ? text : JSON.stringify(text.slice(0, 80));
}
