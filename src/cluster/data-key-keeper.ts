// SPDX-License-Identifier: Apache-2.0
// Each manager's own work on its data key: it is rotated when a purge was asked for, and when it is too old.
import { CofferError, type Logger } from '../common/index.ts';
import type { DataKeyReportObject } from '../membership/index.ts';
import type { ReplicatedStore } from '../store/index.ts';
import { isRotationDue, nextRotation_ms } from './data-key-due.ts';

const LOOK_MS = 2_000;
/** A rotation that failed is tried again after this time, and after twice as long each time from then on. */
const RETRY_MS = 5_000;
const RETRY_MAX_MS = 60 * 60 * 1_000;
/** How long the leader waits for followers that still need what it is about to let go of. */
const FOLLOWERS_TIMEOUT_MS = 10_000;
const FOLLOWERS_LOOK_MS = 50;
const REPORT_TIMEOUT_MS = 5_000;

export interface DataKeyKeeperOptions {
  readonly store: ReplicatedStore;
  /** This node's. */
  readonly nodeId: string;
  readonly now_ms: () => number;
  readonly monotonic_ms: () => number;
  readonly logger: Logger;
}

/** What is known of the key beside its id. */
export interface DataKeyAge {
  /** It was made then, or later; undefined until this manager has said it to the others. */
  readonly madeAt_ms: number | undefined;
  /** When it is to be rotated; undefined without a schedule. */
  readonly nextAt_ms: number | undefined;
  /** For how long a rotation that is under way has sealed nothing anew; undefined while none is. */
  readonly still_ms: number | undefined;
}

/** A purge that this manager has missed is made up for when it has caught up: the wish and who has done it are in the state. */
export class DataKeyKeeper {
  readonly #options: DataKeyKeeperOptions;
  /** A key that came to be while this process watched is as old as it says; others are as old as they can be. */
  readonly #firstKeyId: string;
  #seen: { readonly keyId: string; readonly at_ms: number };
  #progress: { readonly resealed: number; readonly at_ms: number } | undefined;
  #purged = 0;
  #failures = 0;
  #retryAt_ms = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #running = false;
  #stopped = false;

  constructor(options: DataKeyKeeperOptions) {
    this.#options = options;
    this.#firstKeyId = options.store.dataKey.status.id;
    this.#seen = { keyId: this.#firstKeyId, at_ms: options.now_ms() };
  }

  get age(): DataKeyAge {
    const { monotonic_ms } = this.#options;
    this.#watchProgress();
    const report = this.#reported();
    return {
      madeAt_ms: report?.madeAt_ms,
      nextAt_ms: report && nextRotation_ms(report, this.#view.dataKeySchedule),
      still_ms: this.#progress && Math.floor(monotonic_ms() - this.#progress.at_ms),
    };
  }

  start(): void {
    this.#timer = setInterval(() => this.wake(), LOOK_MS).unref();
    this.wake();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  /** The state has changed, or time has passed. */
  wake(): void {
    if (this.#stopped || this.#options.store.replica.ended !== undefined) {
      return;
    }
    this.#watchProgress();
    if (!this.#running) {
      this.#running = true;
      void this.#work().finally(() => {
        this.#running = false;
      });
    }
  }

  get #view(): ReplicatedStore['cluster'] {
    return this.#options.store.replica.state.index.cluster;
  }

  /** What this manager has said of the key that it has now. */
  #reported(): DataKeyReportObject | undefined {
    const report = this.#view.dataKeyReport(this.#options.nodeId);
    return report?.keyId === this.#options.store.dataKey.status.id ? report : undefined;
  }

  async #work(): Promise<void> {
    const { logger, monotonic_ms, nodeId } = this.#options;
    if (this.#view.node(nodeId)?.role !== 'manager') {
      return;
    }
    try {
      if (monotonic_ms() >= this.#retryAt_ms) {
        await this.#rotateIfDue();
        this.#failures = 0;
      }
    } catch (thrown) {
      // The rotation itself has told why, and tells it to whoever asks.
      const wait_ms = Math.min(RETRY_MS * 2 ** this.#failures, RETRY_MAX_MS);
      this.#failures += 1;
      this.#retryAt_ms = monotonic_ms() + wait_ms;
      logger.warn('the rotation of the data key is tried again later', {
        wait_ms,
        reason: CofferError.from(thrown).message,
      });
    }
    await this.#report();
  }

  async #rotateIfDue(): Promise<void> {
    const { now_ms, logger, nodeId, store } = this.#options;
    const wanted = this.#view.purge?.version ?? 0;
    if (wanted > this.#purgedSoFar(nodeId)) {
      await this.#letGo();
      await store.dataKey.rotate();
      this.#purged = wanted;
      logger.info('what was removed is purged from this disk', { purge: wanted });
      return;
    }
    const report = this.#reported();
    if (report !== undefined && isRotationDue(report, this.#view.dataKeySchedule, now_ms())) {
      logger.info('the data key is old enough to be rotated', { key: report.keyId });
      await store.dataKey.rotate();
    }
  }

  #purgedSoFar(nodeId: string): number {
    return Math.max(this.#purged, this.#view.dataKeyReport(nodeId)?.purged ?? 0);
  }

  /** The log holds each value as it was written, whatever became of it since. The wish comes after the removal in it. */
  async #letGo(): Promise<void> {
    const { monotonic_ms, store } = this.#options;
    const { replica } = store;
    const index = replica.state.appliedIndex;
    const late_ms = monotonic_ms() + FOLLOWERS_TIMEOUT_MS;
    const isBehind = (): boolean =>
      replica.leader === replica.identity.raftId &&
      [...replica.status().progress.values()].some(
        ({ match, recentActive }) => recentActive && match < index,
      );
    while (isBehind() && monotonic_ms() < late_ms && !this.#stopped) {
      await new Promise((resolve) => setTimeout(resolve, FOLLOWERS_LOOK_MS));
    }
    await replica.forgetLog(index);
  }

  /** Says to the others what this manager has, if they know something else. */
  async #report(): Promise<void> {
    const { logger, nodeId, now_ms, store } = this.#options;
    const { id: keyId, resealed } = store.dataKey.status;
    const said = this.#view.dataKeyReport(nodeId);
    const purged = this.#purgedSoFar(nodeId);
    if (this.#seen.keyId !== keyId) {
      this.#seen = { keyId, at_ms: now_ms() };
    }
    if (this.#stopped || resealed !== undefined || (said?.keyId === keyId && said.purged === purged)) {
      return;
    }
    const madeAt_ms = this.#madeAt_ms(keyId, said);
    try {
      const report: DataKeyReportObject = { kind: 'data-key-report', nodeId, keyId, madeAt_ms, purged };
      await store.propose({ kind: 'report-data-key', report }, { timeout_ms: REPORT_TIMEOUT_MS });
    } catch (thrown) {
      logger.debug('the others do not know this data key yet', {
        reason: CofferError.from(thrown).message,
      });
    }
  }

  #madeAt_ms(keyId: string, said: DataKeyReportObject | undefined): number {
    if (said?.keyId === keyId) {
      return said.madeAt_ms;
    }
    return keyId === this.#firstKeyId
      ? (said?.madeAt_ms ?? this.#view.node(this.#options.nodeId)?.joinedAt_ms ?? 0)
      : this.#seen.at_ms;
  }

  #watchProgress(): void {
    const { monotonic_ms, store } = this.#options;
    const { resealed } = store.dataKey.status;
    if (resealed === undefined) {
      this.#progress = undefined;
    } else if (this.#progress?.resealed !== resealed) {
      this.#progress = { resealed, at_ms: monotonic_ms() };
    }
  }
}
