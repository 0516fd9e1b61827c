// SPDX-License-Identifier: Apache-2.0
import { CofferError } from '../../common/index.ts';

/** Why a connection ends, as the node is told. What others than coffer throw may quote anything: that stays here, as the cause. */
export function reasonFor(thrown: unknown): CofferError {
  return thrown instanceof CofferError
    ? thrown
    : new CofferError('internal.unexpected', 'the leader failed for a reason that its code did not foresee', {
        cause: thrown,
      });
}
