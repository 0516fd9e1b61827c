// SPDX-License-Identifier: Apache-2.0
import type { Logger } from '../../common/index.ts';
import type { Webhook } from '../../notices/index.ts';
import type { ReplicatedStore } from '../../store/index.ts';
import { NoticeRounds } from './notice-rounds.ts';

export interface NotifyingOptions {
  /** Undefined: nothing is sent, watched or written. */
  readonly webhook: Pick<Webhook, 'deliver'> | undefined;
  readonly now_ms: () => number;
  readonly logger: Logger;
}

interface Leading {
  readonly rounds: NoticeRounds;
  readonly unwatch: () => void;
}

/** Notices of secrets at this manager: while the store serves and this manager leads. */
export class Notifying {
  readonly #options: NotifyingOptions;
  #leading: Leading | undefined;

  constructor(options: NotifyingOptions) {
    this.#options = options;
  }

  /** What is returned ends it, before the store is closed. */
  attach(store: ReplicatedStore): () => void {
    const { webhook } = this.#options;
    if (webhook === undefined) {
      return () => undefined;
    }
    const { replica } = store;
    const leads = (): boolean => replica.ended === undefined && replica.leader === replica.identity.raftId;
    const look = (): void => {
      if (!leads()) {
        void this.stop();
      } else {
        this.#leading ??= this.#lead(store, webhook, leads);
      }
    };
    const unwatch = replica.watch({ onClusterChange: () => undefined, onLeader: look });
    look();
    return () => {
      unwatch();
      void this.stop();
    };
  }

  /** Nothing is sent from now on. Resolves when what was told is written down. Never rejects. */
  async stop(): Promise<void> {
    const leading = this.#leading;
    this.#leading = undefined;
    leading?.unwatch();
    await leading?.rounds.stop();
  }

  #lead(store: ReplicatedStore, webhook: Pick<Webhook, 'deliver'>, leads: () => boolean): Leading {
    const { replica } = store;
    const { nodeId } = replica.identity;
    const rounds = new NoticeRounds({ ...this.#options, store, webhook, leads, nodeId });
    const unwatch = replica.secretChanges.watch((_, removed) => rounds.changed(removed));
    rounds.start();
    return { rounds, unwatch };
  }
}
