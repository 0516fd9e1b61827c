// SPDX-License-Identifier: Apache-2.0
import type { Delivery } from '../../src/secrets/index.ts';

/** A delivery of which the test says what matters to it. */
export function deliveryOf(
  taskId: string,
  secretId: string,
  version: number,
  more: Partial<Delivery> = {},
): Delivery {
  return { taskId, secretId, name: 'name', version, pinned: false, at_ms: 1_700_000_000_000, ...more };
}
