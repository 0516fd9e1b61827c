// SPDX-License-Identifier: Apache-2.0
// What a conf change asks for.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asV2, enterJointOf, leavesJoint } from '../../../src/raft/confchange/index.ts';
import type { ConfChangeTransition, ConfChangeV2 } from '../../../src/raft/types.ts';
import { changesOf } from '../../support/conf-changes.ts';

const NOTHING = Buffer.alloc(0);

function v2(transition: ConfChangeTransition, changes: string, context: Buffer = NOTHING): ConfChangeV2 {
  return { kind: 'v2', transition, changes: changesOf(changes), context };
}

const AUTO = 'ConfChangeTransitionAuto';
const IMPLICIT = 'ConfChangeTransitionJointImplicit';
const EXPLICIT = 'ConfChangeTransitionJointExplicit';

test('a change of the first form is a simple one of the second form', () => {
  const context = Buffer.from('address');
  const first = { kind: 'v1', type: 'ConfChangeAddNode', nodeId: 4, context } as const;
  assert.deepEqual(asV2(first), v2(AUTO, 'v4', context));
  assert.equal(enterJointOf(asV2(first)), undefined);
  assert.equal(leavesJoint(asV2(first)), false);
  const second = v2(EXPLICIT, 'v4 r5');
  assert.equal(asV2(second), second);
});

describe('a change of the second form', () => {
  for (const [transition, changes, joint, leaves] of [
    [AUTO, '', undefined, true],
    [AUTO, 'v1', undefined, false],
    [AUTO, 'v1 l2', { autoLeave: true }, false],
    [IMPLICIT, '', { autoLeave: true }, false],
    [IMPLICIT, 'v1', { autoLeave: true }, false],
    [EXPLICIT, '', { autoLeave: false }, false],
    [EXPLICIT, 'v1', { autoLeave: false }, false],
    [EXPLICIT, 'v1 r2 r3', { autoLeave: false }, false],
  ] as const) {
    const way = leaves
      ? 'leaves a joint configuration'
      : joint === undefined
        ? 'is simple'
        : `is joint, left ${joint.autoLeave ? 'by itself' : 'when it is asked for'}`;
    test(`${transition} of ${changes || 'nothing'} ${way}`, () => {
      assert.deepEqual(enterJointOf(v2(transition, changes)), joint);
      assert.equal(leavesJoint(v2(transition, changes)), leaves);
    });
  }

  test('leaves a joint configuration with any context', () => {
    assert.equal(leavesJoint(v2(AUTO, '', Buffer.from('why'))), true);
  });
});
