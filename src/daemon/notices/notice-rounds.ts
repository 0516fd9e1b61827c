// SPDX-License-Identifier: Apache-2.0
// Notices of what becomes of secrets, at the manager that leads: looked for in the store, and sent one after the other.
import { setTimeout as pause } from 'node:timers/promises';
import { CofferError, type Logger } from '../../common/index.ts';
import type { Webhook } from '../../notices/index.ts';
import type { Secret } from '../../secrets/index.ts';
import type { SecretStore } from '../../store/index.ts';
import { type DueNotice, dueNotices, isTold, noticeOf } from './due-notices.ts';
import { MarkKeeper, type MarkStore } from './mark-keeper.ts';

export interface NoticeRoundsOptions {
  readonly store: MarkStore & Pick<SecretStore, 'byId' | 'readBarrier'>;
  readonly webhook: Pick<Webhook, 'deliver'>;
  /** Whether this manager leads still. */
  readonly leads: () => boolean;
  /** This node's. */
  readonly nodeId: string;
  readonly now_ms: () => number;
  readonly logger: Logger;
  /** Of changes that come within it the last one of each secret is told. Default: 1,000. */
  readonly pace_ms?: number | undefined;
}

const PACE_MS = 1_000;
/** An end comes without any change. */
const LOOK_MS = 60_000;
const RETRY_MS = 5_000;
const READ_TIMEOUT_MS = 2_000;
/** What is removed while the receiver is away; nothing else is kept in memory. */
const REMOVED_MAX = 1_000;

/** From when this manager begins to lead until it ends. */
export class NoticeRounds {
  readonly #options: NoticeRoundsOptions;
  readonly #ended = new AbortController();
  #removed: readonly Secret[] = [];
  #keeper: MarkKeeper | undefined;
  #running: Promise<void> | undefined;
  #isWoken = false;
  #resting = new AbortController();
  #lastProblem = '';

  constructor(options: NoticeRoundsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Secrets have changed; `removed` are there no more. */
  changed(removed: readonly Secret[] = []): void {
    this.#removed = [...this.#removed, ...removed.filter(isTold)].slice(-REMOVED_MAX);
    this.#isWoken = true;
    this.#resting.abort();
  }

  /** Nothing is sent from now on. Resolves when what was told is written down, or that was tried. Never rejects. */
  async stop(): Promise<void> {
    this.#ended.abort();
    this.#resting.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { pace_ms = PACE_MS } = this.#options;
    const { signal } = this.#ended;
    while (!signal.aborted) {
      this.#isWoken = false;
      const isDone = await this.#round();
      await rest(pace_ms, signal);
      if (!this.#isWoken && !signal.aborted) {
        this.#resting = new AbortController();
        await rest(isDone ? LOOK_MS : RETRY_MS, this.#resting.signal);
      }
    }
    await this.#keeper?.close();
  }

  /** False: something is left that is to be tried again. Never rejects. */
  async #round(): Promise<boolean> {
    const { logger, store } = this.#options;
    try {
      // Of one who has begun to lead, what the leader before it has left in the log may not be applied yet.
      if (this.#keeper === undefined && (await store.readBarrier(READ_TIMEOUT_MS)) !== 'linearizable') {
        return false;
      }
      if (!this.#mayTell) {
        return false;
      }
      this.#keeper ??= await MarkKeeper.open(this.#options);
      const isDone = await this.#tell(this.#keeper);
      this.#lastProblem = '';
      return isDone;
    } catch (thrown) {
      const { code, message } = CofferError.from(thrown);
      if (this.#mayTell && code !== 'store.starting' && message !== this.#lastProblem) {
        this.#lastProblem = message;
        logger.warn('notices of secrets wait', { reason: message });
      }
      return false;
    }
  }

  async #tell(keeper: MarkKeeper): Promise<boolean> {
    const { now_ms, store } = this.#options;
    for (const secret of this.#removed) {
      if (!(await this.#deliver({ kind: 'removed', secret }))) {
        return false;
      }
      this.#removed = this.#removed.filter((each) => each !== secret);
    }
    for (const due of dueNotices(store.list(), keeper.mark, now_ms())) {
      const { id, modifiedIndex } = due.secret;
      if (store.byId(id)?.modifiedIndex !== modifiedIndex) {
        // It has changed while others were told: the next round tells what it is then.
        continue;
      }
      if (!(await this.#deliver(due))) {
        return false;
      }
      keeper.note(due);
    }
    return true;
  }

  async #deliver(due: DueNotice): Promise<boolean> {
    const { nodeId, now_ms, webhook } = this.#options;
    const { signal } = this.#ended;
    return this.#mayTell && webhook.deliver(noticeOf(due, nodeId, now_ms()), signal);
  }

  get #mayTell(): boolean {
    return this.#options.leads() && !this.#ended.signal.aborted;
  }
}

async function rest(duration_ms: number, signal: AbortSignal): Promise<void> {
  try {
    await pause(duration_ms, undefined, { ref: false, signal });
  } catch {
    // It is over.
  }
}
