// SPDX-License-Identifier: Apache-2.0
import type { Logger } from '../common/index.ts';
import {
  type Delivery,
  DELIVERIES_PER_COMMAND,
  deliveryKey,
  TASK_ID_LENGTH_MAX,
  unpinnedKey,
} from '../secrets/index.ts';
import type { SecretStore, StoreSource } from '../store/index.ts';

const GATHER_MS = 20;
const WAITING_MAX = 10 * DELIVERIES_PER_COMMAND;

export interface DeliveryRecorderOptions {
  readonly source: StoreSource;
  readonly logger: Logger;
  readonly now_ms: () => number;
}

/**
 * Remembers which version each task was given, off the path of the answer: deliveries gather for a moment and
 * go into the log together. Until then they are known here.
 */
export class DeliveryRecorder {
  readonly #options: DeliveryRecorderOptions;
  readonly #waiting = new Map<string, Delivery>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: DeliveryRecorderOptions) {
    this.#options = options;
  }

  /** The version that the task was given before without a pin, if it is remembered. */
  deliveredVersion(store: SecretStore, taskId: string, secretId: string): number | undefined {
    const waiting = this.#waiting.get(unpinnedKey(taskId, secretId));
    return waiting?.version ?? store.deliveredVersion(taskId, secretId);
  }

  /**
   * Takes note of a delivery that happens now; of one that is remembered already, nothing. When too many wait, the newest
   * are not remembered.
   */
  record(store: SecretStore, delivery: Omit<Delivery, 'at_ms'>): void {
    const { taskId, version } = delivery;
    if (taskId === '' || taskId.length > TASK_ID_LENGTH_MAX || this.#waiting.size >= WAITING_MAX) {
      return;
    }
    const key = deliveryKey(delivery);
    const waiting = this.#waiting.get(key);
    if (waiting === undefined ? store.hasDelivery(delivery) : waiting.version === version) {
      return;
    }
    this.#waiting.set(key, { ...delivery, at_ms: this.#options.now_ms() });
    this.#timer ??= setTimeout(() => void this.flush(), GATHER_MS).unref();
  }

  /** Writes down what has gathered. Never throws: what cannot be written is forgotten. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const deliveries = [...this.#waiting.values()];
    for (let start = 0; start < deliveries.length; start += DELIVERIES_PER_COMMAND) {
      await this.#propose(deliveries.slice(start, start + DELIVERIES_PER_COMMAND));
    }
  }

  async #propose(deliveries: readonly Delivery[]): Promise<void> {
    try {
      await this.#options.source().propose({ kind: 'record-deliveries', deliveries });
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      this.#options.logger.warn('deliveries could not be recorded', { count: deliveries.length, reason });
    }
    for (const delivery of deliveries) {
      const key = deliveryKey(delivery);
      if (this.#waiting.get(key) === delivery) {
        this.#waiting.delete(key);
      }
    }
  }
}
