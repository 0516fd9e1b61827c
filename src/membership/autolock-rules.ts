// SPDX-License-Identifier: Apache-2.0
// The rules of autolock and of peer unlock; see rules.ts.
import { CofferError } from '../common/index.ts';
import type { RegisterPeerUnlock } from './autolock-command.ts';
import type { ClusterView, ObjectEffect } from './cluster-index.ts';
import { existing, put, remove } from './effects.ts';
import { type AutolockObject, EARLIER_KEYS_MAX, type PeerUnlock } from './model.ts';

export function setAutolock(view: ClusterView, autolock: AutolockObject): readonly ObjectEffect[] {
  if (autolock.version !== (view.autolock?.version ?? 0) + 1) {
    throw new CofferError('cluster.autolock', 'autolock was changed by somebody else in the meantime', {
      hint: 'See how it is now: docker coffer autolock',
    });
  }
  const { unlockKey, version } = autolock;
  if (unlockKey.length === 0) {
    return [put({ kind: 'autolock', version, unlockKey }), ...view.peerUnlocks().map(remove)];
  }
  const peerUnlock = isOn(view.autolock) ? withEarlier(view.autolock) : autolock.peerUnlock && NO_KEYS;
  return [put({ kind: 'autolock', version, unlockKey, ...(peerUnlock && { peerUnlock }) })];
}

export function setPeerUnlock(view: ClusterView, enabled: boolean): readonly ObjectEffect[] {
  const { autolock } = view;
  if (enabled && !isOn(autolock)) {
    throw new CofferError('cluster.autolock', 'autolock is off: there is nothing to unlock', {
      hint: 'Turn both on: docker coffer autolock on --peer-unlock',
    });
  }
  if (autolock === undefined || enabled === (autolock.peerUnlock !== undefined)) {
    return [];
  }
  const { unlockKey, version } = autolock;
  const changed = put({ kind: 'autolock', version, unlockKey, ...(enabled && { peerUnlock: NO_KEYS }) });
  return [changed, ...view.peerUnlocks().map(remove)];
}

export function registerPeerUnlock(
  view: ClusterView,
  { registration }: RegisterPeerUnlock,
): readonly ObjectEffect[] {
  if (view.autolock?.peerUnlock === undefined) {
    throw new CofferError('cluster.autolock', 'peer unlock is off');
  }
  const { hostname, leaving, role } = existing(view, registration.nodeId);
  if (role !== 'manager' || leaving !== 'no') {
    throw new CofferError('cluster.role', `node ${hostname} is no manager, or is to be one no longer`);
  }
  return [put(registration)];
}

/** What becomes of the key by which a node was known: it is no manager any more. */
export function withoutRegistration(view: ClusterView, nodeId: string): readonly ObjectEffect[] {
  const registration = view.peerUnlock(nodeId);
  return registration === undefined ? [] : [remove(registration)];
}

const NO_KEYS: PeerUnlock = { earlierKeys: [] };

function isOn(autolock: AutolockObject | undefined): autolock is AutolockObject {
  return autolock !== undefined && autolock.unlockKey.length > 0;
}

/** Managers that are down may still be sealed by the key that is replaced, or by one before it. */
function withEarlier({ peerUnlock, unlockKey }: AutolockObject): PeerUnlock | undefined {
  return peerUnlock && { earlierKeys: [unlockKey, ...peerUnlock.earlierKeys].slice(0, EARLIER_KEYS_MAX) };
}
