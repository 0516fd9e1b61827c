// SPDX-License-Identifier: Apache-2.0
import { CommandError } from './command-error.ts';
import type { Session } from './session.ts';

/** The daemon may be started again meanwhile, or the cluster choose a leader. */
const PATIENCE_MS = 30_000;

/**
 * Looks again, `interval_ms` later, how something is that goes on by itself: what `look` finds, or what was there before if the
 * daemon does not answer. Rejects as `look` does once that has gone on for half a minute.
 */
export function patientLook<T>(
  session: Session,
  interval_ms: number,
  look: () => Promise<T>,
): (before: T) => Promise<T> {
  let failures = 0;
  return async (before) => {
    await session.io.pause(interval_ms);
    try {
      const found = await look();
      failures = 0;
      return found;
    } catch (thrown) {
      failures += 1;
      if (!(thrown instanceof CommandError) || failures * interval_ms > PATIENCE_MS) {
        throw thrown;
      }
      return before;
    }
  };
}
