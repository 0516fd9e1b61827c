// SPDX-License-Identifier: Apache-2.0
// The rules by which a secret comes by a version.
import { CofferError, type SecretValue } from '../common/index.ts';
import { findVersion } from './find-version.ts';
import { DESTROYED_KEPT } from './limits.ts';
import { currentVersion, type DestroyedVersion, type Secret, type SecretVersion } from './model.ts';
import type { AppliedOutcome, Effect, Outcome } from './state-machine.ts';
import { versionsToKeep } from './validate.ts';
import type { DestroyVersions, PruneVersions, RollbackSecret } from './version-commands.ts';

/** The secret with a new version of this value. */
export function withNewVersion(secret: Secret, value: SecretValue, at_ms: number): AppliedOutcome {
  return withVersion(secret, { size: value.byteLength, createdAt_ms: at_ms }, (version) => ({
    kind: 'put-value',
    secretId: secret.id,
    version,
    value,
  }));
}

export function rollback(secret: Secret, command: RollbackSecret, index: number): AppliedOutcome {
  const { at_ms, expect } = command;
  const current = currentVersion(secret).number;
  if (expect !== undefined && expect !== current) {
    throw new CofferError(
      'secret.version-conflict',
      `secret ${secret.name} is at version ${current}, not ${expect}`,
    );
  }
  const { copyOf, number: from, size } = findVersion(secret, command.version);
  if (from === current) {
    throw new CofferError(
      'secret.version-current',
      `version ${from} of secret ${secret.name} is the current one already`,
      { hint: `See which versions there are: docker coffer history ${secret.name}` },
    );
  }
  const changed: Secret = { ...secret, updatedAt_ms: at_ms, modifiedIndex: index };
  return withVersion(changed, { size, createdAt_ms: at_ms, copyOf: copyOf ?? from }, (version) => ({
    kind: 'copy-value',
    secretId: secret.id,
    from,
    version,
  }));
}

export function destroy(secret: Secret, { at_ms, numbers }: DestroyVersions, index: number): Outcome {
  const current = currentVersion(secret).number;
  if (numbers.includes(current)) {
    throw new CofferError(
      'secret.version-current',
      `version ${current} is the current one of secret ${secret.name}, and is not destroyed`,
      {
        hint: `Put another value first, or go back to an older one: docker coffer rollback ${secret.name}`,
      },
    );
  }
  const known = new Set(secret.destroyed.map(({ number }) => number));
  const gone = new Set(numbers.filter((number) => !known.has(number)));
  gone.forEach((number) => findVersion(secret, number));
  if (gone.size === 0) {
    return { kind: 'applied', secret, effects: [] };
  }
  const added = secret.versions
    .filter(({ number }) => gone.has(number))
    .map(
      ({ createdAt_ms, number, size }): DestroyedVersion => ({
        number,
        createdAt_ms,
        size,
        destroyedAt_ms: at_ms,
      }),
    );
  const outcome: Secret = {
    ...secret,
    versions: secret.versions.filter(({ number }) => !gone.has(number)),
    destroyed: [...secret.destroyed, ...added].toSorted((a, b) => a.number - b.number).slice(-DESTROYED_KEPT),
    updatedAt_ms: at_ms,
    modifiedIndex: index,
  };
  return {
    kind: 'applied',
    secret: outcome,
    effects: [{ kind: 'put-secret', secret: outcome }, ...withoutValues(secret.id, added)],
  };
}

export function prune(secret: Secret, { at_ms, keep }: PruneVersions, index: number): Outcome {
  const pruned = beyond(secret.versions, keep);
  if (pruned.length === 0) {
    return { kind: 'applied', secret, effects: [] };
  }
  const outcome: Secret = {
    ...secret,
    versions: secret.versions.slice(pruned.length),
    updatedAt_ms: at_ms,
    modifiedIndex: index,
  };
  return {
    kind: 'applied',
    secret: outcome,
    effects: [{ kind: 'put-secret', secret: outcome }, ...withoutValues(secret.id, pruned)],
  };
}

/** The oldest versions, for which there is no room. The current one always stays. */
function beyond(versions: readonly SecretVersion[], keep: number): readonly SecretVersion[] {
  return versions.slice(0, -Math.max(1, keep));
}

function withoutValues(secretId: string, versions: readonly SecretVersion[]): readonly Effect[] {
  return versions.map(({ number }): Effect => ({ kind: 'delete-value', secretId, version: number }));
}

/** The value comes before others go: it may be that of one which goes. */
function withVersion(
  secret: Secret,
  described: Omit<SecretVersion, 'number'>,
  valueEffect: (version: number) => Effect,
): AppliedOutcome {
  const last = secret.versions.at(-1)?.number ?? 0;
  const added: SecretVersion = { number: last + 1, ...described };
  const versions = [...secret.versions, added];
  const pruned = beyond(versions, versionsToKeep(secret.labels));
  const outcome: Secret = { ...secret, versions: versions.slice(pruned.length) };
  return {
    kind: 'applied',
    secret: outcome,
    effects: [
      { kind: 'put-secret', secret: outcome },
      valueEffect(added.number),
      ...withoutValues(secret.id, pruned),
    ],
  };
}
