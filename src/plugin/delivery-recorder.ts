// SPDX-License-Identifier: Apache-2.0
import type { Logger } from '../common/index.ts';
import { type Delivery, DELIVERIES_PER_COMMAND, TASK_ID_LENGTH_MAX } from '../secrets/index.ts';
import type { SecretStore, StoreSource } from '../store/index.ts';

/** Each group costs some writes and a sync, whatever is in it; a crash forgets what has gathered. */
const GATHER_MS = 50;
const WAITING_MAX = 10 * DELIVERIES_PER_COMMAND;

export interface DeliveryRecorderOptions {
  readonly source: StoreSource;
  readonly logger: Logger;
}

/**
 * Remembers which version each task was given, off the path of the answer: deliveries gather for a moment and
 * go into the log together. Until then they are known here.
 */
export class DeliveryRecorder {
  readonly #options: DeliveryRecorderOptions;
  /** By their keys. */
  readonly #waiting = new Map<string, Delivery>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: DeliveryRecorderOptions) {
    this.#options = options;
  }

  /** The version of the last delivery under this key, if it is remembered. */
  versionUnder(store: SecretStore, key: string): number | undefined {
    return this.#waiting.get(key)?.version ?? store.versionUnder(key);
  }

  /**
   * Takes note of a delivery that happens now, under its `deliveryKey`; of one that is remembered already, nothing. When too
   * many wait, the newest are not remembered.
   */
  record(store: SecretStore, key: string, delivery: Delivery): void {
    const { taskId, version } = delivery;
    if (taskId === '' || taskId.length > TASK_ID_LENGTH_MAX || this.#waiting.size >= WAITING_MAX) {
      return;
    }
    if (this.versionUnder(store, key) === version) {
      return;
    }
    this.#waiting.set(key, delivery);
    this.#timer ??= setTimeout(() => void this.flush(), GATHER_MS).unref();
  }

  /** Writes down what has gathered. Never throws: what cannot be written is forgotten. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = [...this.#waiting];
    for (let start = 0; start < waiting.length; start += DELIVERIES_PER_COMMAND) {
      await this.#propose(waiting.slice(start, start + DELIVERIES_PER_COMMAND));
    }
  }

  async #propose(waiting: readonly (readonly [key: string, Delivery])[]): Promise<void> {
    const deliveries = waiting.map(([, delivery]) => delivery);
    try {
      await this.#options.source().propose({ kind: 'record-deliveries', deliveries });
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      this.#options.logger.warn('deliveries could not be recorded', { count: deliveries.length, reason });
    }
    for (const [key, delivery] of waiting) {
      if (this.#waiting.get(key) === delivery) {
        this.#waiting.delete(key);
      }
    }
  }
}
