// SPDX-License-Identifier: Apache-2.0
import { unreachable } from '../common/index.ts';
import type { Refusal } from '../control/index.ts';
import type { Refused } from '../plugin/index.ts';

/** What was refused, as the control API tells it. */
export function describeRefusal(refused: Refused): Refusal {
  const { at_ms, error } = refused;
  const reason = { at_ms, code: error.code, message: error.detail, hint: error.hint };
  switch (refused.kind) {
    case 'secret': {
      const { secret, service, task, taskId } = refused;
      return { kind: 'secret', service, task: task === '' ? taskId : task, secret, ...reason };
    }
    case 'volume':
      return { kind: 'volume', volume: refused.volume, users: refused.users, ...reason };
    default:
      return unreachable(refused);
  }
}
