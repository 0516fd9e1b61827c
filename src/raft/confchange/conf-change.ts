// SPDX-License-Identifier: Apache-2.0
// What a conf change asks for.
import { unreachable } from '../../common/index.ts';
import type { AnyConfChange, ConfChangeV2 } from '../types.ts';

/** The same change in the second form. */
export function asV2(change: AnyConfChange): ConfChangeV2 {
  switch (change.kind) {
    case 'v1':
      return {
        kind: 'v2',
        transition: 'ConfChangeTransitionAuto',
        changes: [{ type: change.type, nodeId: change.nodeId }],
        context: change.context,
      };
    case 'v2':
      return change;
    default:
      return unreachable(change);
  }
}

/**
 * Whether the change goes by a joint configuration, and whether the leader leaves that by itself; `undefined` for the
 * simple protocol. Several changes always go the long way, though some could do without: whether they can depends
 * on the configuration that they meet, and this does not.
 */
export function enterJointOf(change: ConfChangeV2): { readonly autoLeave: boolean } | undefined {
  switch (change.transition) {
    case 'ConfChangeTransitionAuto':
      return change.changes.length > 1 ? { autoLeave: true } : undefined;
    case 'ConfChangeTransitionJointImplicit':
      return { autoLeave: true };
    case 'ConfChangeTransitionJointExplicit':
      return { autoLeave: false };
    default:
      return unreachable(change.transition);
  }
}

/** Whether the change, which asks for nothing, leaves a joint configuration. */
export function leavesJoint(change: ConfChangeV2): boolean {
  return change.transition === 'ConfChangeTransitionAuto' && change.changes.length === 0;
}
