// SPDX-License-Identifier: Apache-2.0
import type { Status } from '../../../src/raft/index.ts';
import type { Violations } from './violations.ts';

/** What a leader knows of its members keeps its own order, and its limits. */
export function checkProgress(
  violations: Violations,
  name: string,
  { lastIndex, progress }: Status,
  inflightAppendsMax: number,
): void {
  for (const [id, { inflights, match, next }] of progress) {
    if (match >= next || next > lastIndex + 1 || inflights.count > inflightAppendsMax) {
      violations.report(
        'progress',
        `${name} has match ${match}, next ${next}, ${inflights.count} appends in flight for ${id}; its log ends at ${lastIndex}`,
      );
    }
  }
}
