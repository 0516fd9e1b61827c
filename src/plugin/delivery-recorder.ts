// SPDX-License-Identifier: Apache-2.0
import type { Logger } from '../common/index.ts';
import { type Delivery, DELIVERIES_PER_COMMAND, TASK_ID_LENGTH_MAX } from '../secrets/index.ts';
import type { SecretStore, StoreSource } from '../store/index.ts';

const GATHER_MS = 20;
const WAITING_MAX = 10 * DELIVERIES_PER_COMMAND;

/**
 * Remembers which version each task was given, off the path of the answer: deliveries gather for a moment and
 * go into the log together. Until then they are known here.
 */
export class DeliveryRecorder {
  readonly #source: StoreSource;
  readonly #logger: Logger;
  readonly #waiting = new Map<string, Delivery>();
  #timer: NodeJS.Timeout | undefined;

  constructor(source: StoreSource, logger: Logger) {
    this.#source = source;
    this.#logger = logger;
  }

  /** The version that the task was given before, if it is remembered. */
  deliveredVersion(store: SecretStore, taskId: string, secretId: string): number | undefined {
    return this.#waiting.get(keyOf(taskId, secretId))?.version ?? store.deliveredVersion(taskId, secretId);
  }

  /** Takes note of a delivery. When too many wait, the newest are not remembered. */
  record(store: SecretStore, delivery: Delivery): void {
    const { taskId, secretId, version } = delivery;
    const known = this.deliveredVersion(store, taskId, secretId) === version;
    if (known || taskId === '' || taskId.length > TASK_ID_LENGTH_MAX || this.#waiting.size >= WAITING_MAX) {
      return;
    }
    this.#waiting.set(keyOf(taskId, secretId), delivery);
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
      await this.#source().propose({ kind: 'record-deliveries', deliveries });
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      this.#logger.warn('deliveries could not be recorded', { count: deliveries.length, reason });
    }
    for (const delivery of deliveries) {
      const key = keyOf(delivery.taskId, delivery.secretId);
      if (this.#waiting.get(key) === delivery) {
        this.#waiting.delete(key);
      }
    }
  }
}

function keyOf(taskId: string, secretId: string): string {
  return `${taskId} ${secretId}`;
}
