// SPDX-License-Identifier: Apache-2.0
// The schedule of a run with faults: what a seed draws.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FAULT_KINDS, type FaultKind, meetsAll, TARGETS } from '../../chaos/fault-kinds.ts';
import { scheduleOf, type Step } from '../../chaos/schedule.ts';

function stepsOf(seed: number, count: number, kinds: readonly FaultKind[] = FAULT_KINDS): readonly Step[] {
  const steps = scheduleOf(seed, kinds);
  return Array.from({ length: count }, () => steps.next().value);
}

describe('the schedule of a run', () => {
  test('is the same for the same seed, and another one for another', () => {
    assert.deepEqual(stepsOf(7, 50), stepsOf(7, 50));
    assert.notDeepEqual(stepsOf(7, 50), stepsOf(8, 50));
  });

  test('has each kind of fault once before any comes again', () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const kinds = stepsOf(seed, FAULT_KINDS.length).flatMap(({ faults }) => faults.map(({ kind }) => kind));
      assert.equal(new Set(kinds.slice(0, FAULT_KINDS.length)).size, FAULT_KINDS.length, `seed ${seed}`);
    }
  });

  test('has those kinds alone that are wanted', () => {
    const steps = stepsOf(1, 20, ['partition']);
    assert.ok(steps.every(({ faults }) => faults.every(({ kind }) => kind === 'partition')));
  });

  test('has what meets all engines alone', () => {
    const steps = stepsOf(5, 400).filter(({ faults }) => faults.some(({ kind }) => meetsAll(kind)));
    assert.ok(steps.length > 10, `${steps.length} of them`);
    assert.ok(steps.every(({ faults }) => faults.length === 1));
  });

  test('meets all targets, mostly with one fault and sometimes with two', () => {
    const steps = stepsOf(3, 400);
    const targets = new Set(steps.flatMap(({ faults }) => faults.map(({ target }) => target)));
    assert.deepEqual([...targets].map(String).toSorted(), TARGETS.map(String).toSorted());
    const pairs = steps.filter(({ faults }) => faults.length === 2).length;
    assert.ok(pairs > 40 && pairs < 200, `${pairs} pairs`);
    assert.ok(steps.every(({ faults }) => faults.length >= 1 && faults.length <= 2));
  });
});
