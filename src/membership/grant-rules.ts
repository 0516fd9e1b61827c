// SPDX-License-Identifier: Apache-2.0
// The rules of grants; pure, as those of rules.ts.
import { CofferError, isSecretName, sameTexts, unreachable } from '../common/index.ts';
import type { ClusterView, ObjectEffect } from './cluster-index.ts';
import { existing, put, remove } from './effects.ts';
import { GRANT_LABELS_MAX, type GrantCommand, type GrantObject, GRANTS_MAX } from './grant.ts';
import { TEXT_BYTES_MAX } from './model.ts';

/** As Docker names containers, with `*` and `?` in the place of any characters. */
const CONTAINER_PATTERN = /^[a-zA-Z0-9*?][a-zA-Z0-9_.*?-]*$/;
/** As an image is typed: `[registry[:port]/]path[:tag][@digest]`, or the beginning of an id. */
const IMAGE_PATTERN = /^[a-zA-Z0-9[][a-zA-Z0-9_.:/@[\]-]*$/;
const IMAGE_ID_PATTERN = /^sha256:[0-9a-f]{64}$/;

export function applyGrantCommand(view: ClusterView, command: GrantCommand): readonly ObjectEffect[] {
  switch (command.kind) {
    case 'put-grant':
      return putGrant(view, command.grant);
    case 'remove-grant':
      return removeGrant(view, command.id);
    default:
      return unreachable(command);
  }
}

/** Whether they grant the same, whatever they are called and whenever they were made. */
export function sameGrant(a: GrantObject, b: GrantObject): boolean {
  return (
    a.nodeId === b.nodeId &&
    a.secret.toLowerCase() === b.secret.toLowerCase() &&
    a.container === b.container &&
    a.image === b.image &&
    sameTexts(a.labels, b.labels)
  );
}

/** Throws `grant.invalid` for what no container can match, or a secret's name that none can have. */
export function checkGrant({ container, image, labels, secret }: GrantObject): void {
  if (!isSecretName(secret)) {
    throw new CofferError(
      'grant.invalid',
      "the secret's name is invalid: 1 to 64 of [a-zA-Z0-9-_.], and the first and last of [a-zA-Z0-9]",
      { hint: 'List the secrets with: docker coffer ls' },
    );
  }
  checkContainer(container);
  checkLabels(labels);
  checkImage(image);
}

function putGrant(view: ClusterView, grant: GrantObject): readonly ObjectEffect[] {
  existing(view, grant.nodeId);
  checkGrant(grant);
  if (view.grantsOf(grant.nodeId).some((other) => sameGrant(other, grant))) {
    return [];
  }
  if (view.grant(grant.id) !== undefined) {
    throw new CofferError('grant.invalid', 'the id of a grant is used once');
  }
  if (view.grantCount >= GRANTS_MAX) {
    throw new CofferError('grant.invalid', `there are ${GRANTS_MAX} grants already`, {
      hint: 'Revoke those that are not needed any more: docker coffer grant-ls, docker coffer revoke.',
    });
  }
  return [put(grant)];
}

function removeGrant(view: ClusterView, id: string): readonly ObjectEffect[] {
  const grant = view.grant(id);
  if (grant === undefined) {
    throw new CofferError('grant.not-found', `there is no grant ${id}`, {
      hint: 'List the grants with: docker coffer grant-ls',
    });
  }
  return [remove(grant)];
}

function checkContainer(container: string): void {
  checkLength(container, "a container's name");
  const isTooShort = container.length === 1 && container !== '*';
  if (container !== '' && (isTooShort || !CONTAINER_PATTERN.test(container))) {
    throw new CofferError('grant.invalid', `no container can be named ${JSON.stringify(container)}`, {
      hint: 'A name has two or more of [a-zA-Z0-9_.-]; * stands for any characters, ? for one, and no regular expression is meant: --container "web-*"',
    });
  }
}

function checkLabels(labels: GrantObject['labels']): void {
  const pairs = Object.entries(labels);
  if (pairs.length > GRANT_LABELS_MAX) {
    throw new CofferError('grant.invalid', `a grant names ${GRANT_LABELS_MAX} labels at most`);
  }
  for (const [key, value] of pairs) {
    if (key === '') {
      throw new CofferError('grant.invalid', 'a label has a key', {
        hint: 'It is --label KEY or KEY=VALUE.',
      });
    }
    checkLength(key, "a label's key");
    checkLength(value, "a label's value");
  }
}

function checkImage(image: string): void {
  checkLength(image, "an image's name");
  const pattern = image.startsWith('sha256:') ? IMAGE_ID_PATTERN : IMAGE_PATTERN;
  if (image !== '' && !pattern.test(image)) {
    throw new CofferError('grant.invalid', `no image can be named ${JSON.stringify(image)}`, {
      hint: 'Name it as docker run does, or by its whole id (docker image inspect), and without * or ?.',
    });
  }
}

function checkLength(text: string, what: string): void {
  if (Buffer.byteLength(text) > TEXT_BYTES_MAX) {
    throw new CofferError('grant.invalid', `${what} has ${TEXT_BYTES_MAX} bytes at most`);
  }
}
