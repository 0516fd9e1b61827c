// SPDX-License-Identifier: Apache-2.0
import type { Freshness, SecretStore } from '../store/index.ts';

/** How long a call waits for the read round. The engine holds Swarm's lock meanwhile. */
const ROUND_TIMEOUT_MS = 250;

/**
 * A circuit breaker around the read round: once a round has failed, all calls are answered from local state at
 * once, while one probe at a time looks whether the leader is back. A running swarm must survive the loss of
 * coffer's quorum, and a replay of a thousand tasks must not wait a thousand times.
 */
export class ReadBreaker {
  #probe: Promise<void> | undefined;

  async barrier(store: SecretStore): Promise<Freshness> {
    if (this.#probe !== undefined) {
      return 'local';
    }
    const freshness = await store.readBarrier(ROUND_TIMEOUT_MS);
    if (freshness === 'local') {
      this.#probe ??= this.#untilBack(store);
    }
    return freshness;
  }

  async #untilBack(store: SecretStore): Promise<void> {
    try {
      while ((await store.readBarrier(ROUND_TIMEOUT_MS)) === 'local') {
        // Each round waits by itself; the loop ends with the store at the latest.
      }
    } catch {
      // The store is closed: the next call meets that by itself.
    } finally {
      this.#probe = undefined;
    }
  }
}
