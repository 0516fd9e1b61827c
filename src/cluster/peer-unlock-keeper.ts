// SPDX-License-Identifier: Apache-2.0
// Each manager's own work on peer unlock: while it is on, the others know this one by a key that lies in the clear on its disk;
// while it is off, there is none.
import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Logger } from '../common/index.ts';
import type { ClusterView, PeerUnlockObject } from '../membership/index.ts';
import {
  AUTHORITY_LIFETIME_MS,
  authorityKeyId,
  describeCertificate,
  exportKey,
  generateKey,
  importKey,
  publicKeyFingerprint,
} from '../pki/index.ts';
import type { SecretStore } from '../store/index.ts';
import { chainOf, digestOf, issueBy, requireAuthority, rootsOf } from './certificates.ts';
import type { ManagerContact } from './identity.ts';
import type { PeerUnlockContent, PeerUnlockFile } from './peer-unlock-file.ts';

export interface PeerUnlockKeeperOptions {
  readonly clusterId: string;
  readonly nodeId: string;
  readonly file: PeerUnlockFile;
  readonly view: () => ClusterView;
  /** All managers, where they were heard of last. */
  readonly managers: () => readonly ManagerContact[];
  readonly store: Pick<SecretStore, 'propose'>;
  readonly now_ms: () => number;
  readonly logger: Logger;
}

/**
 * The key goes to the disk before the others are told of it, so that a crash leaves a manager that needs the unlock key once, and
 * none that the others know by a key that is lost.
 */
export class PeerUnlockKeeper {
  readonly #options: PeerUnlockKeeperOptions;
  /** What is on the disk, once that is known. */
  #written: { readonly content: PeerUnlockContent | undefined } | undefined;
  /** The fingerprint of a key that the state may not know yet. */
  #untold: string | undefined;

  constructor(options: PeerUnlockKeeperOptions) {
    this.#options = options;
  }

  /** Resolves when the disk and the state are as peer unlock wants them. Not to be called before the last call has settled. */
  async settle(): Promise<void> {
    const view = this.#options.view();
    if (view.authority === undefined) {
      return;
    }
    const node = view.node(this.#options.nodeId);
    const isWanted =
      view.autolock?.peerUnlock !== undefined && node?.role === 'manager' && node.leaving === 'no';
    await (isWanted ? this.#keep(view) : this.#remove());
  }

  async #remove(): Promise<void> {
    this.#untold = undefined;
    if ((await this.#content()) !== undefined) {
      await this.#options.file.remove();
      this.#written = { content: undefined };
      this.#options.logger.info('the other managers do not unlock this one any longer');
    }
  }

  async #keep(view: ClusterView): Promise<void> {
    const { logger, nodeId, store } = this.#options;
    const registered = view.peerUnlock(nodeId);
    const key = await this.#key(registered);
    const before = await this.#content();
    const content = this.#contentFor(view, key, before);
    const fingerprint = publicKeyFingerprint(key);
    if (JSON.stringify(content) !== JSON.stringify(before)) {
      await this.#options.file.write(content);
      this.#written = { content };
    }
    const authorityDigest = digestOf(requireAuthority(view));
    if (registered?.publicKeyFingerprint !== fingerprint || registered.authorityDigest !== authorityDigest) {
      this.#untold = fingerprint;
      await store.propose({
        kind: 'register-peer-unlock',
        registration: { kind: 'peer-unlock', nodeId, publicKeyFingerprint: fingerprint, authorityDigest },
      });
      logger.info('the other managers unlock this one when it starts again');
    }
    this.#untold = undefined;
  }

  /** That on the disk if the state knows it, or was to be told of it; else another one, as also after it was off for a while. */
  async #key(registered: PeerUnlockObject | undefined): Promise<KeyObject> {
    const key = keyIn(await this.#content());
    const fingerprint = key && publicKeyFingerprint(key);
    const isKnown = fingerprint === registered?.publicKeyFingerprint || fingerprint === this.#untold;
    return key !== undefined && isKnown ? key : generateKey();
  }

  /** A certificate lasts as long as its root, since a machine may be off for long; another root issues another. */
  #contentFor(view: ClusterView, key: KeyObject, before: PeerUnlockContent | undefined): PeerUnlockContent {
    const { clusterId, managers, nodeId, now_ms } = this.#options;
    const authority = requireAuthority(view);
    const [leaf] = before?.certificates ?? [];
    const isGood = leaf !== undefined && isFor(leaf, key, authorityKeyId(authority.certificate));
    const certificate = isGood
      ? { certificate: leaf, authorityDigest: digestOf(authority) }
      : issueBy(
          authority,
          { clusterId, nodeId, role: 'unlock' },
          createPublicKey(key),
          now_ms(),
          AUTHORITY_LIFETIME_MS,
        );
    const others = managers().filter((manager) => manager.nodeId !== nodeId && manager.address !== '');
    return {
      clusterId,
      nodeId,
      certificates: [...chainOf(authority, certificate)],
      key: exportKey(key).toString('base64'),
      roots: [...rootsOf(authority)],
      managers: others.map(({ address }) => address),
    };
  }

  async #content(): Promise<PeerUnlockContent | undefined> {
    const { clusterId, file, logger, nodeId } = this.#options;
    if (this.#written === undefined) {
      const content = await file.read(logger);
      const isOwn = content?.clusterId === clusterId && content.nodeId === nodeId;
      this.#written = { content: isOwn ? content : undefined };
    }
    return this.#written.content;
  }
}

function keyIn(content: PeerUnlockContent | undefined): KeyObject | undefined {
  try {
    return content && importKey(Buffer.from(content.key, 'base64'));
  } catch {
    // Damaged: as good as none.
    return undefined;
  }
}

function isFor(pem: string, key: KeyObject, issuer: string): boolean {
  try {
    const { issuerKeyId, publicKeyFingerprint: certified, subject } = describeCertificate(pem);
    return subject.role === 'unlock' && issuerKeyId === issuer && certified === publicKeyFingerprint(key);
  } catch {
    return false;
  }
}
