// SPDX-License-Identifier: Apache-2.0
import type { SecretStore } from '../store/index.ts';
import type { ControlOptions } from './options.ts';

const START_WAIT_MS = 5_000;

/** The store; a call that comes while the daemon starts waits a little. Throws the reason if it does not serve. */
export async function servingStore({
  store,
  storeStarted,
}: Pick<ControlOptions, 'store' | 'storeStarted'>): Promise<SecretStore> {
  await storeStarted?.(START_WAIT_MS);
  return store();
}
