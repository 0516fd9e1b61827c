// SPDX-License-Identifier: Apache-2.0
import { CofferError } from '../common/index.ts';
import { currentVersion, type Secret, type SecretVersion } from './model.ts';

/** The version of that number. Throws `secret.version-not-found`, with those that there are, and for one that was destroyed. */
export function findVersion(secret: Secret, number: number): SecretVersion {
  const version = secret.versions.find((one) => one.number === number);
  if (secret.destroyed.some((one) => one.number === number)) {
    throw notThere(secret, `version ${number} of secret ${secret.name} was destroyed`);
  }
  if (version === undefined) {
    const kept = secret.versions.map((one) => one.number).join(', ');
    throw notThere(secret, `secret ${secret.name} has no version ${number}; it has ${kept}`);
  }
  return version;
}

/** The newest version before the current one. Throws `secret.version-not-found` if there is none. */
export function previousVersion(secret: Secret): SecretVersion {
  const version = secret.versions.at(-2);
  if (version === undefined) {
    const current = currentVersion(secret).number;
    throw notThere(secret, `secret ${secret.name} has no version before its current one, ${current}`);
  }
  return version;
}

function notThere({ name }: Secret, sentence: string): CofferError {
  return new CofferError('secret.version-not-found', sentence, {
    hint: `See which versions there are: docker coffer history ${name}`,
  });
}
