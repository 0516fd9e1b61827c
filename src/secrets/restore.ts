// SPDX-License-Identifier: Apache-2.0
// The rules by which a secret of a backup is put back.
import { CofferError } from '../common/index.ts';
import { VERSIONS_KEPT } from './limits.ts';
import { type DestroyedVersion, nameKey, type Secret, type SecretVersion } from './model.ts';
import type { RestoredVersion, RestoreSecret, RestoreVersions } from './restore-command.ts';
import type { Effect, Outcome, SecretsView } from './state-machine.ts';
import { areDestroyed, checkLabels, checkName, checkValueSize } from './validate.ts';

export function restore(view: SecretsView, command: RestoreSecret, index: number): Outcome {
  const { id, name, labels, origin, destroyed, createdAt_ms, updatedAt_ms } = command;
  checkName(name);
  checkLabels(labels);
  checkVersions(command.versions);
  checkDestroyed(destroyed, command.versions);
  const namesake = view.byName(name);
  const taken = placesTaken(view, command, namesake);
  const secret: Secret = {
    id,
    name,
    labels,
    origin,
    pending: false,
    engine: namesake?.engine,
    versions: command.versions.map(described),
    destroyed,
    createdAt_ms,
    updatedAt_ms,
    modifiedIndex: index,
  };
  const removed = taken.flatMap(removalOf);
  return {
    kind: 'applied',
    secret,
    effects: [...removed, { kind: 'put-secret', secret }, ...valuesOf(id, command.versions)],
  };
}

export function restoreVersions(view: SecretsView, command: RestoreVersions, index: number): Outcome {
  const secret = view.byId(command.id);
  if (secret === undefined) {
    throw new CofferError('secret.not-found', `secret ${command.id} not found`);
  }
  checkVersions(command.versions);
  checkDestroyed(secret.destroyed, [...command.versions, ...secret.versions]);
  const oldest = secret.versions[0]?.number ?? 0;
  const newest = command.versions.at(-1)?.number ?? 0;
  if (newest >= oldest || command.versions.length + secret.versions.length > VERSIONS_KEPT) {
    throw new CofferError(
      'secret.version-conflict',
      `secret ${secret.name} was changed while its versions were restored`,
    );
  }
  const restored: Secret = {
    ...secret,
    versions: [...command.versions.map(described), ...secret.versions],
    modifiedIndex: index,
  };
  return {
    kind: 'applied',
    secret: restored,
    effects: [{ kind: 'put-secret', secret: restored }, ...valuesOf(secret.id, command.versions)],
  };
}

/** What gives way to the restored secret. */
function placesTaken(
  view: SecretsView,
  { existing, id, name }: RestoreSecret,
  namesake: Secret | undefined,
): readonly Secret[] {
  const owner = view.byId(id);
  const taken = [...new Set([namesake, owner])].filter((secret) => secret !== undefined);
  if (taken.some(({ pending }) => pending)) {
    throw new CofferError('secret.exists', `secret ${name} is being created at this moment`);
  }
  if (taken.length > 0 && existing === 'refuse') {
    const sameName = taken.some((secret) => nameKey(secret.name) === nameKey(name));
    throw new CofferError(
      'secret.exists',
      sameName ? `secret ${name} already exists` : `another secret has the id of ${name}`,
    );
  }
  return taken;
}

function removalOf(secret: Secret): readonly Effect[] {
  const values = secret.versions.map(
    ({ number }): Effect => ({ kind: 'delete-value', secretId: secret.id, version: number }),
  );
  return [{ kind: 'delete-secret', secret }, ...values];
}

function described({ number, createdAt_ms, value }: RestoredVersion): SecretVersion {
  return { number, createdAt_ms, size: value.byteLength };
}

function valuesOf(secretId: string, versions: readonly RestoredVersion[]): readonly Effect[] {
  return versions.map(
    ({ number, value }): Effect => ({ kind: 'put-value', secretId, version: number, value }),
  );
}

function checkDestroyed(
  destroyed: readonly DestroyedVersion[],
  versions: readonly { readonly number: number }[],
): void {
  if (!areDestroyed(destroyed, versions)) {
    throw new CofferError(
      'secret.version-conflict',
      'destroyed versions are restored in ascending order, and are none of those that are there',
    );
  }
}

function checkVersions(versions: readonly RestoredVersion[]): void {
  let last = 0;
  for (const { number, value } of versions) {
    checkValueSize(value.byteLength);
    if (number <= last) {
      throw new CofferError('secret.version-conflict', 'versions are restored in ascending order, from 1');
    }
    last = number;
  }
  if (versions.length < 1 || versions.length > VERSIONS_KEPT) {
    throw new CofferError('secret.version-conflict', `1 to ${VERSIONS_KEPT} versions are restored`);
  }
}
