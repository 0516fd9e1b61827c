// SPDX-License-Identifier: Apache-2.0
import type { StoreKeeper } from './store-keeper.ts';

/**
 * Waits while the node starts. Rejects with why it hands nothing out: it is locked, damaged, has no identity or has not joined. A
 * worker has no store, and needs none.
 */
export function volumeReadiness(
  keeper: Pick<StoreKeeper, 'reason' | 'started'>,
): (timeout_ms: number) => Promise<void> {
  return async (timeout_ms) => {
    await keeper.started(timeout_ms);
    const { reason } = keeper;
    if (reason !== undefined && reason.code !== 'cluster.not-a-manager') {
      throw reason;
    }
  };
}
