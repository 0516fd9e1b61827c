// SPDX-License-Identifier: Apache-2.0
// What a node finds in its state directory when it starts: an identity, a store, both, or what does not belong together.
import { CofferError, type Logger, type SecretValue } from '../common/index.ts';
import {
  isSealed,
  openStore,
  type OpenStoreOptions,
  type ReplicatedStore,
  removeStore,
} from '../store/index.ts';
import { identityProblem, type IdentityStore, type NodeIdentityFile } from './identity.ts';

/**
 * What seals the keys of the store in the state directory, if they are sealed and `held` opens them; undefined if they are in
 * the clear. Throws `store.locked` otherwise.
 */
export async function sealingKey(
  stateDirectory: string,
  held: SecretValue | undefined,
): Promise<SecretValue | undefined> {
  try {
    return (await isSealed(stateDirectory, held)) ? held : undefined;
  } catch (thrown) {
    const { code } = CofferError.from(thrown);
    if (code === 'store.locked') {
      throw thrown;
    }
    if (code === 'unlock.wrong-key') {
      // A copy of older files was put back: another key is asked for.
      await isSealed(stateDirectory);
    }
    // Any other is told by the store, with what mends it, when it is opened.
    return held;
  }
}

export interface ReadIdentityOptions {
  readonly store: IdentityStore;
  /** Whether there is a store beside it. */
  readonly hasStore: boolean;
  readonly reenrol: boolean;
  /** The unlock key, if this process was given one. */
  readonly unlockKey: SecretValue | undefined;
  /** Whether it opens the store beside it. */
  readonly opensStore: boolean;
  readonly logger: Logger;
}

/**
 * The identity; undefined if there is none. One that is damaged is as good as none where there is a store to make it anew
 * from, and that is wished; elsewhere it throws `cluster.identity-missing`.
 */
export async function readIdentity(options: ReadIdentityOptions): Promise<NodeIdentityFile | undefined> {
  const { hasStore, logger, opensStore, reenrol, store, unlockKey } = options;
  try {
    return await store.read(unlockKey);
  } catch (thrown) {
    const error = asDamage(CofferError.from(thrown), opensStore || (hasStore && reenrol));
    if (error.code !== 'cluster.identity-missing') {
      throw error;
    }
    if (!hasStore) {
      throw new CofferError(error.code, error.detail, {
        hint: 'Put it back from a copy, or move it away and let this node join under a new id.',
      });
    }
    if (!reenrol) {
      throw error;
    }
    logger.warn("this node's identity is made anew", { reason: error.message });
    return undefined;
  }
}

/** Where the store can be opened, an identity that cannot is one of another time: no key is asked for. */
function asDamage(error: CofferError, isStoreOpen: boolean): CofferError {
  return error.code === 'store.locked' && isStoreOpen
    ? identityProblem(
        "the key in this node's identity is sealed by another unlock key than the store beside it",
      )
    : error;
}

/**
 * The identity of a worker, which keeps no secrets: the store of the manager that it was is deleted. Throws
 * `cluster.identity-missing` beside the store of anybody else, which stays.
 */
export async function withoutStore(
  identity: NodeIdentityFile,
  identities: IdentityStore,
  stateDirectory: string,
): Promise<NodeIdentityFile> {
  if (!identity.storeMade) {
    throw new CofferError(
      'cluster.identity-missing',
      'the identity of this node is that of a worker, and beside it lies the store of a manager',
      {
        hint:
          `See which of both belongs to this node, and move the other away: identity.json, or all else in ` +
          `${stateDirectory}. With the store alone, set COFFER_REENROL=on for one start.`,
      },
    );
  }
  await removeStore(stateDirectory);
  const alone = { ...identity, storeMade: false };
  await identities.write(alone);
  return alone;
}

/**
 * Opens the store of a manager as `openStore` does, and makes it for one that has just become a manager. The store of a
 * place in the log that the node has no longer is deleted: that place is never taken again.
 */
export async function openStoreOf(
  identity: NodeIdentityFile | undefined,
  options: OpenStoreOptions,
): Promise<ReplicatedStore> {
  if (identity === undefined || identity.storeMade) {
    return openStore(options);
  }
  const joined = { clusterId: identity.clusterId, nodeId: identity.nodeId, raftId: identity.raftId };
  const store = await openStore({ ...options, joined });
  const { clusterId, nodeId, raftId } = store.replica.identity;
  if (joined.clusterId !== clusterId || joined.nodeId !== nodeId || joined.raftId === raftId) {
    return store;
  }
  await store.close();
  await removeStore(options.stateDirectory);
  return openStore({ ...options, joined });
}

export function lostStore(stateDirectory: string): CofferError {
  return new CofferError('store.damaged', 'the store of this node is gone, and its certificate is there', {
    hint:
      'It must not begin anew under its old id. Beside other managers: docker coffer rebuild. The only manager: put back a copy ' +
      `of ${stateDirectory}, or move it away and restore a backup.`,
  });
}
