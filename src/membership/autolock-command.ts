// SPDX-License-Identifier: Apache-2.0
// The commands that change how the managers' keys are sealed, and how a locked one is unlocked.
import type { AutolockObject, PeerUnlockObject } from './model.ts';

/**
 * Autolock on, off, or with another key. Fails with `cluster.autolock` unless it is the next version. Whether the managers
 * unlock one another is taken from it when it is turned on; another key leaves that as it is.
 */
export interface SetAutolock {
  readonly kind: 'set-autolock';
  readonly autolock: AutolockObject;
}

/** Whether the managers unlock one another. Fails with `cluster.autolock` if they are to, and autolock is off. */
export interface SetPeerUnlock {
  readonly kind: 'set-peer-unlock';
  readonly enabled: boolean;
}

/**
 * By which key a manager is known to the others when it is locked. Fails with `cluster.autolock` while peer unlock is off, and
 * with `cluster.role` for a node that is no manager, or is to be one no longer.
 */
export interface RegisterPeerUnlock {
  readonly kind: 'register-peer-unlock';
  readonly registration: PeerUnlockObject;
}
