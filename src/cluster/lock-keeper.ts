// SPDX-License-Identifier: Apache-2.0
// Each manager's own work on how it is locked, and by whom it is unlocked.
import type { Logger } from '../common/index.ts';
import type { UnlockKeyHolder } from '../crypto/index.ts';
import type { AutolockObject, ClusterView } from '../membership/index.ts';
import type { ReplicatedStore } from '../store/index.ts';
import type { ManagerContact } from './identity.ts';
import type { OwnIdentity } from './own-identity.ts';
import type { PeerUnlockFile } from './peer-unlock-file.ts';
import { PeerUnlockKeeper } from './peer-unlock-keeper.ts';
import { SealKeeper } from './seal-keeper.ts';
import { Settling } from './settling.ts';

export interface LockKeeperOptions {
  readonly store: ReplicatedStore;
  readonly own: OwnIdentity;
  readonly unlockKey: UnlockKeyHolder;
  readonly peerUnlockFile: PeerUnlockFile;
  /** All managers, where they were heard of last. */
  readonly managers: () => readonly ManagerContact[];
  readonly now_ms: () => number;
  readonly logger: Logger;
}

export class LockKeeper {
  readonly #seal: Settling;
  readonly #peerUnlock: Settling;

  constructor(options: LockKeeperOptions) {
    const { logger, own, peerUnlockFile, store } = options;
    const { clusterId, nodeId, raftId } = own.current;
    const view = (): ClusterView => store.replica.state.index.cluster;
    const seal = new SealKeeper({
      ...options,
      seal: store.seal,
      resumeRotation: () => void store.dataKey.resume(),
      wish: () => lockWish(view(), { nodeId, raftId }),
    });
    const peerUnlock = new PeerUnlockKeeper({ ...options, clusterId, nodeId, file: peerUnlockFile, view });
    this.#seal = new Settling({
      settle: () => seal.settle(),
      onFailure: ({ message: reason }) =>
        logger.error("the node's keys are not kept as autolock wants them", { reason }),
    });
    this.#peerUnlock = new Settling({
      settle: () => peerUnlock.settle(),
      onFailure: ({ message: reason }) =>
        logger.warn('the other managers do not know yet by what to unlock this one', { reason }),
    });
  }

  start(): void {
    this.#seal.start();
    this.#peerUnlock.start();
  }

  stop(): void {
    this.#seal.stop();
    this.#peerUnlock.stop();
  }

  /** The state has changed. */
  wake(): void {
    this.#seal.wake();
    this.#peerUnlock.wake();
  }

  /** Resolves when this node's files are as the state says, durably; rejects with what has kept them from it. */
  async settled(): Promise<void> {
    await this.#seal.settled();
    await this.#peerUnlock.settled();
  }
}

/**
 * Pure: how the state wants this manager to be locked. Undefined while the state is from before it became one: what it says may
 * be long past, and who was stopped while catching up would be sealed by an unlock key that nobody keeps any more.
 */
function lockWish(
  view: ClusterView,
  { nodeId, raftId }: { readonly nodeId: string; readonly raftId: number },
): AutolockObject | undefined {
  return view.node(nodeId)?.raftId === raftId ? view.autolock : undefined;
}
