// SPDX-License-Identifier: Apache-2.0
// A manager's own certificate while it runs: renewed through the log, and stood in for where there is no majority for that.
import { createPublicKey } from 'node:crypto';
import { CofferError, type Logger } from '../common/index.ts';
import { exportKey, generateKey } from '../pki/index.ts';
import type { ReplicatedStore } from '../store/index.ts';
import { chainOf, issueFor, requireAuthority, rootsOf } from './certificates.ts';
import type { OwnIdentity } from './own-identity.ts';
import { isOutdated, Renewal } from './renewal.ts';
import { standInChange } from './stand-in.ts';

/** More than the pause between two attempts to renew. */
const STAND_IN_MARGIN_MS = 2 * 60 * 1_000;

export interface ManagerRenewalOptions {
  readonly store: ReplicatedStore;
  readonly own: OwnIdentity;
  /** The certificate is another one now: further calls are to show it. */
  readonly onRenewed: () => void;
  readonly now_ms: () => number;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly logger: Logger;
}

/** The renewal of a manager's certificate, to be started. */
export function managerRenewal(options: ManagerRenewalOptions): Renewal {
  const { now_ms, own, store } = options;
  return new Renewal({
    ...options,
    identity: () => own.current,
    isOutdated: () => isOutdated(own.current, store.replica.state.index.cluster, now_ms()),
    renew: () => renew(options),
  });
}

async function renew(options: ManagerRenewalOptions): Promise<void> {
  try {
    await renewThroughLog(options);
  } catch (thrown) {
    await standIn(options);
    throw thrown;
  }
}

/** A manager has the CA's key: it issues its own certificate, and the log takes it if this node is a manager still. */
async function renewThroughLog({ now_ms, onRenewed, own, store }: ManagerRenewalOptions): Promise<void> {
  const { clusterId, nodeId } = own.current;
  const key = generateKey();
  const publicKey = createPublicKey(key);
  const { cluster } = store;
  const authority = requireAuthority(cluster);
  const certificate = issueFor(cluster, { clusterId, nodeId, role: 'manager' }, publicKey, now_ms());
  await store.propose({ kind: 'renew-certificate', nodeId, role: 'manager', certificate });
  await own.update({
    certificates: chainOf(authority, certificate),
    key: exportKey(key),
    roots: rootsOf(requireAuthority(store.cluster)),
  });
  onRenewed();
}

/** The others must be met before the log can take anything, and with an expired certificate they cannot be. */
async function standIn(options: ManagerRenewalOptions): Promise<void> {
  const { logger, now_ms, onRenewed, own, store } = options;
  const view = store.replica.state.index.cluster;
  try {
    const change = standInChange({
      identity: own.current,
      view,
      now_ms: now_ms(),
      margin_ms: STAND_IN_MARGIN_MS,
    });
    if (change !== undefined) {
      await own.update(change);
      onRenewed();
      logger.warn('the certificate of this node is not valid any more; a short one stands in for it');
    }
  } catch (thrown) {
    logger.error('nothing stands in for the certificate', { reason: CofferError.from(thrown).message });
  }
}
