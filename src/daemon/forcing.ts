// SPDX-License-Identifier: Apache-2.0
// This manager becomes the only one, in the running process: the store is closed, and opened again as that of a new cluster.
import type { LastEntry, SurvivorAdmin, SurvivorDescription, SurvivorWish } from '../cluster/index.ts';
import { CofferError, type Logger } from '../common/index.ts';
import type { ErrorReply, ForceNewCluster, ForceProgress } from '../control/index.ts';
import type { SecretStore } from '../store/index.ts';

/** The log has come to know the new cluster by then, and each of the others is taken out of the table of nodes. */
const REMOVAL_TIMEOUT_MS = 30_000;
const LOOK_MS = 50;

export interface ForcingOptions {
  /** Throws the reason while this node is no manager that serves. */
  readonly survivors: () => SurvivorAdmin;
  /** Has the next opening of the store make this node the only manager. */
  readonly goOnAlone: (lastEntry: LastEntry) => void;
  readonly keeper: Reopening;
  readonly logger: Logger;
}

/** What is needed of the store's keeper. */
export interface Reopening {
  readonly reason: CofferError | undefined;
  source(): Pick<SecretStore, 'cluster'>;
  open(): Promise<void>;
  reopen(what: string): Promise<void>;
}

/** See `ForceNewCluster`. */
export class Forcing implements ForceNewCluster {
  readonly #options: ForcingOptions;
  #progress: ForceProgress = { phase: 'idle', removed: [] };
  #beginning: Promise<ForceProgress> | undefined;

  constructor(options: ForcingOptions) {
    this.#options = options;
  }

  progress(): ForceProgress {
    return this.#progress;
  }

  /** Two that come together begin it once. */
  begin(wish: SurvivorWish): Promise<ForceProgress> {
    this.#beginning ??= this.#begin(wish).finally(() => {
      this.#beginning = undefined;
    });
    return this.#beginning;
  }

  async #begin(wish: SurvivorWish): Promise<ForceProgress> {
    const { logger, survivors } = this.#options;
    if (this.#progress.phase === 'reopening' || this.#progress.phase === 'removing') {
      return this.#progress;
    }
    const { alone, lastEntry, managers, refusal } = await survivors().survey(wish);
    if (alone) {
      this.#progress = { phase: 'done', removed: [], lastEntry };
      return this.#progress;
    }
    if (refusal !== undefined) {
      throw refusal;
    }
    const removed = managers.filter(({ self }) => !self).map(describeRemoved);
    logger.warn('a new cluster is forced: this manager goes on alone', {
      ...lastEntry,
      without: removed.map(({ id }) => id).join(', '),
    });
    this.#progress = { phase: 'reopening', removed, lastEntry };
    void this.#carryOut(lastEntry);
    return this.#progress;
  }

  async #carryOut(lastEntry: LastEntry): Promise<void> {
    const { goOnAlone, keeper, logger } = this.#options;
    try {
      goOnAlone(lastEntry);
      await keeper.reopen('a new cluster is being forced');
      const { reason } = keeper;
      if (reason !== undefined) {
        // Opened once more, it is the member of the old cluster, or that of the new one if that was written already. A daemon
        // that is stopping opens nothing.
        if (reason.code !== 'store.closed') {
          await keeper.open();
        }
        throw reason;
      }
      this.#progress = { ...this.#progress, phase: 'removing' };
      await this.#removal();
      this.#progress = { ...this.#progress, phase: 'done' };
      logger.info('this manager is the only one of the cluster now', { ...lastEntry });
    } catch (thrown) {
      const error = CofferError.from(thrown);
      this.#progress = { ...this.#progress, phase: 'failed', problem: describeProblem(error) };
      logger.error('a new cluster was not forced to the end', { reason: error.message });
    }
  }

  /** Until the table of nodes has no other manager. */
  async #removal(): Promise<void> {
    const { keeper } = this.#options;
    const deadline_ms = performance.now() + REMOVAL_TIMEOUT_MS;
    const isLeft = (): boolean => {
      const gone = new Set(this.#progress.removed.map(({ id }) => id));
      return keeper
        .source()
        .cluster.nodes()
        .some(({ id }) => gone.has(id));
    };
    while (isLeft()) {
      if (performance.now() > deadline_ms) {
        throw new CofferError(
          'store.timeout',
          'this manager goes on alone, and has not removed the others yet',
          {
            hint: 'It still does so by itself: docker coffer node ls shows how far it is.',
          },
        );
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS).unref());
    }
  }
}

function describeRemoved({ address, hostname, id }: SurvivorDescription): ForceProgress['removed'][number] {
  return { id, hostname, address };
}

function describeProblem({ code, detail, hint }: CofferError): ErrorReply {
  return { code, message: detail, hint };
}
