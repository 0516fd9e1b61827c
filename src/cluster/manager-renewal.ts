// SPDX-License-Identifier: Apache-2.0
// A manager's own certificate while it runs: renewed through the log, and stood in for where there is no majority for that.
import { createPublicKey } from 'node:crypto';
import { CofferError } from '../common/index.ts';
import type { AuthorityObject, ClusterView } from '../membership/index.ts';
import { exportKey, generateKey } from '../pki/index.ts';
import type { SecretStore } from '../store/index.ts';
import { chainOf, issueFor, requireAuthority, rootsOf } from './certificates.ts';
import type { OwnIdentity } from './own-identity.ts';
import { isOfPreviousRoot, isOutdated, Renewal, type RenewalOptions } from './renewal.ts';
import { standInChange } from './stand-in.ts';

/** More than the pause between two attempts to renew. */
const STAND_IN_MARGIN_MS = 2 * 60 * 1_000;

export interface ManagerRenewalOptions extends Pick<RenewalOptions, 'now_ms' | 'random' | 'logger'> {
  readonly store: Pick<SecretStore, 'cluster' | 'propose'>;
  /** What this manager has applied, though its store be closed. */
  readonly view: () => ClusterView;
  readonly own: OwnIdentity;
  /** The certificate is another one now: further calls are to show it. */
  readonly onRenewed: () => void;
}

/** The renewal of a manager's certificate, to be started. */
export function managerRenewal(options: ManagerRenewalOptions): Renewal {
  const { logger, now_ms, own, random, view } = options;
  return new Renewal({
    identity: () => own.current,
    isOutdated: () => isOutdated(own.current, view(), now_ms()),
    renew: () => renew(options),
    now_ms,
    random,
    logger,
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
  const record = (): Promise<unknown> =>
    store.propose({ kind: 'renew-certificate', nodeId, role: 'manager', certificate });
  const use = (): Promise<void> =>
    own.update({
      certificates: chainOf(authority, certificate),
      key: exportKey(key),
      roots: rootsOf(requireAuthority(store.cluster)),
    });
  if (isOfPreviousRoot(own.current, authority) && cluster.node(nodeId)?.role === 'manager') {
    // What the log names ends the trust in the old root: if this node ended in between with nothing else on its disk, it would be
    // locked out for good. The others believe it already, as the old root has signed the new one.
    await use();
    await record();
  } else {
    await record();
    requireIssuing(store.cluster, authority);
    await use();
  }
  onRenewed();
}

/** A state that was behind may have caught up meanwhile: whoever trusts the new root alone would not believe the old one's. */
function requireIssuing(view: ClusterView, { certificate }: AuthorityObject): void {
  if (requireAuthority(view).certificate !== certificate) {
    throw new CofferError('cluster.rotation-running', 'the CA was rotated in the meantime');
  }
}

/** The others must be met before the log can take anything, and with an expired certificate they cannot be. */
async function standIn(options: ManagerRenewalOptions): Promise<void> {
  const { logger, now_ms, onRenewed, own, view } = options;
  try {
    const change = standInChange({
      identity: own.current,
      view: view(),
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
