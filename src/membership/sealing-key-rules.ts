// SPDX-License-Identifier: Apache-2.0
// The rules of sealing keys; pure, as those of rules.ts.
import { CofferError, unreachable } from '../common/index.ts';
import type { ClusterView, ObjectEffect } from './cluster-index.ts';
import { put, remove } from './effects.ts';
import {
  type AddSealingKey,
  SEALING_KEYS_MAX,
  type SealingKeyCommand,
  type SealingKeyObject,
} from './sealing-key.ts';

export function applySealingKeyCommand(
  view: ClusterView,
  command: SealingKeyCommand,
): readonly ObjectEffect[] {
  switch (command.kind) {
    case 'add-sealing-key':
      return addKey(view, command);
    case 'restore-sealing-key':
      return restoreKey(view, command.key);
    case 'forget-sealing-key':
      return forgetKey(view, command.id);
    default:
      return unreachable(command);
  }
}

/** The key to which values are sealed now; undefined: there is none yet. */
export function activeSealingKey(view: Pick<ClusterView, 'sealingKeys'>): SealingKeyObject | undefined {
  return view.sealingKeys().find(({ active }) => active);
}

function addKey(view: ClusterView, { after, key }: AddSealingKey): readonly ObjectEffect[] {
  const before = activeSealingKey(view);
  if ((before?.id ?? '') !== after || view.sealingKey(key.id) !== undefined) {
    throw new CofferError(
      'sealing.key-changed',
      'the sealing key was changed by somebody else in the meantime',
      { hint: 'See how it is now: docker coffer sealing-key' },
    );
  }
  requireRoom(view);
  return [
    ...(before === undefined ? [] : [put({ ...before, active: false })]),
    put({ ...key, active: true }),
  ];
}

function restoreKey(view: ClusterView, key: SealingKeyObject): readonly ObjectEffect[] {
  if (view.sealingKey(key.id) !== undefined) {
    return [];
  }
  requireRoom(view);
  return [put({ ...key, active: key.active && activeSealingKey(view) === undefined })];
}

function forgetKey(view: ClusterView, id: string): readonly ObjectEffect[] {
  const key = view.sealingKey(id);
  if (key === undefined) {
    throw new CofferError(
      'sealing.key-not-found',
      `there is no sealing key ${JSON.stringify(id.slice(0, 80))}`,
      {
        hint: 'See which there are: docker coffer sealing-key',
      },
    );
  }
  if (key.active) {
    throw new CofferError('sealing.key-changed', `sealing key ${id} is the active one, which stays`, {
      hint: 'Put another one in its place first: docker coffer sealing-key --rotate',
    });
  }
  return [remove(key)];
}

function requireRoom(view: ClusterView): void {
  if (view.sealingKeys().length >= SEALING_KEYS_MAX) {
    throw new CofferError('sealing.key-changed', `there are ${SEALING_KEYS_MAX} sealing keys already`, {
      hint: 'Forget one that nothing is sealed to any more: docker coffer sealing-key --forget ID',
    });
  }
}
