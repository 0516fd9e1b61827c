// SPDX-License-Identifier: Apache-2.0
// Keeps what the receiver of notices has been told as a secret of coffer's own, so that the next leader goes on from there.
import { setTimeout as pause } from 'node:timers/promises';
import { CofferError, invariant, type Logger } from '../../common/index.ts';
import {
  currentVersion,
  KEEP_LABEL,
  newSecretId,
  NOTICE_MARK_NAME,
  type PutValue,
} from '../../secrets/index.ts';
import type { SecretStore } from '../../store/index.ts';
import { type DueNotice, markAfter, mergedMark, prunedMark } from './due-notices.ts';
import { type NoticeMark, readMark, writeMark } from './notice-mark.ts';

export type MarkStore = Pick<SecretStore, 'byName' | 'list' | 'propose' | 'readValue' | 'status'>;

export interface MarkKeeperOptions {
  readonly store: MarkStore;
  readonly now_ms: () => number;
  readonly logger: Logger;
  /** How long what was told is gathered before it is written. Default: 1,000. */
  readonly pace_ms?: number | undefined;
}

const PACE_MS = 1_000;
const RETRY_MS_MAX = 60_000;
const PROPOSE_TIMEOUT_MS = 2_000;
/** No mark before the last one is of use. */
const LABELS = { [KEEP_LABEL]: '1' } as const;

interface Stored {
  readonly mark: NoticeMark;
  /** 0: it is not there any more. */
  readonly version: number;
}

export class MarkKeeper {
  readonly #options: MarkKeeperOptions;
  readonly #ended = new AbortController();
  #stored: Stored;
  /** Ahead of what is stored. */
  #mark: NoticeMark;
  #writing: Promise<void> | undefined;

  private constructor(options: MarkKeeperOptions, stored: Stored) {
    this.#options = options;
    this.#stored = stored;
    this.#mark = stored.mark;
  }

  /**
   * Reads the mark. Where there is none, or one of another cluster, it is made anew: what is there now is not told. Rejects as `propose` does,
   * and with `store.damaged` for a value that is no mark.
   */
  static async open(options: MarkKeeperOptions): Promise<MarkKeeper> {
    const { store } = options;
    const stored = storedIn(store);
    const { appliedIndex, clusterId } = store.status();
    const isOurs = stored?.mark.clusterId === clusterId && stored.mark.index <= appliedIndex;
    if (stored !== undefined && isOurs) {
      return new MarkKeeper(options, stored);
    }
    const begun: NoticeMark = { clusterId, index: appliedIndex, expiries: new Map() };
    await put(options, begun, stored?.version ?? 'absent');
    const made = storedIn(store);
    invariant(made !== undefined, 'the mark is there once it was made');
    return new MarkKeeper(options, made);
  }

  get mark(): NoticeMark {
    return this.#mark;
  }

  /** The receiver has taken it. It is written a little later, together with what comes until then. */
  note(due: DueNotice): void {
    this.#mark = markAfter(this.#mark, due);
    if (this.#mark !== this.#stored.mark) {
      this.#writing ??= this.#gatherAndWrite();
    }
  }

  /** Writes what is not written yet, once. Never rejects. */
  async close(): Promise<void> {
    this.#ended.abort();
    await this.#writing;
  }

  /** Until all is written, or it has ended. Never rejects. */
  async #gatherAndWrite(): Promise<void> {
    const { pace_ms = PACE_MS } = this.#options;
    const { signal } = this.#ended;
    let wait_ms = pace_ms;
    let wasLast = false;
    while (this.#mark !== this.#stored.mark && !wasLast) {
      await pause(wait_ms, undefined, { ref: false, signal }).catch(() => undefined);
      wasLast = signal.aborted;
      wait_ms = (await this.#write()) ? pace_ms : Math.min(2 * wait_ms, RETRY_MS_MAX);
    }
    this.#writing = undefined;
  }

  /** False: it is to be tried again. Never rejects. */
  async #write(): Promise<boolean> {
    const { logger, now_ms, store } = this.#options;
    const before = this.#mark;
    try {
      const mark = prunedMark(before, store.list(), now_ms());
      const version = await put(this.#options, mark, this.#stored.version);
      this.#settle(before, { mark, version });
      return true;
    } catch (thrown) {
      const reason = CofferError.from(thrown);
      logger.debug('what was told is not written down yet', { reason: reason.message });
      if (reason.code === 'secret.version-conflict') {
        this.#readAgain();
      }
      return false;
    }
  }

  /** Another leader has written, or somebody has removed it. */
  #readAgain(): void {
    const { logger, store } = this.#options;
    try {
      const other = storedIn(store);
      this.#stored = other ?? { ...this.#stored, version: 0 };
      this.#mark = mergedMark(this.#mark, this.#stored.mark);
    } catch (thrown) {
      logger.warn('what was told cannot be read', { reason: CofferError.from(thrown).message });
    }
  }

  /** Something may have been told while it was being written. */
  #settle(before: NoticeMark, stored: Stored): void {
    this.#mark = this.#mark === before ? stored.mark : this.#mark;
    this.#stored = stored;
  }
}

function storedIn(store: MarkStore): Stored | undefined {
  const secret = store.byName(NOTICE_MARK_NAME);
  if (secret === undefined) {
    return undefined;
  }
  const { number: version } = currentVersion(secret);
  const value = store.readValue(secret.id, version);
  try {
    return { mark: readMark(value), version };
  } finally {
    value.wipe();
  }
}

/** Resolves with the version that it has, or that was there already if `expect` is `absent`. */
async function put(
  { now_ms, store }: MarkKeeperOptions,
  mark: NoticeMark,
  expect: PutValue['expect'],
): Promise<number> {
  const value = writeMark(mark);
  const proposed = store.propose(
    {
      kind: 'put',
      id: newSecretId(),
      name: NOTICE_MARK_NAME,
      labels: LABELS,
      origin: 'generated',
      expect,
      value,
      at_ms: now_ms(),
    },
    { timeout_ms: PROPOSE_TIMEOUT_MS },
  );
  // It was copied into the log's entry.
  value.wipe();
  const { secret } = await proposed;
  invariant(secret !== undefined, 'a put answers with its secret');
  return currentVersion(secret).number;
}
