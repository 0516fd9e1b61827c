// SPDX-License-Identifier: Apache-2.0
import type { ScheduledBackups } from '../archive/index.ts';
import { CofferError } from '../common/index.ts';
import type { ControlOptions } from './options.ts';
import { servingStore } from './serving-store.ts';

/** What the schedule of this manager has made, once it serves. Throws the reason if it does not. */
export async function ownBackups(
  options: ControlOptions,
): Promise<Pick<ScheduledBackups, 'describe' | 'open'>> {
  await servingStore(options);
  if (options.backups === undefined) {
    throw new CofferError('store.unavailable', 'this daemon makes no backups by itself');
  }
  return options.backups;
}
