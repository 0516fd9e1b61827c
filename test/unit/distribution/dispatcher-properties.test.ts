// SPDX-License-Identifier: Apache-2.0
// Whatever plans follow each other, and whenever a node acknowledges: it ends up with what it is due, and never has anything else
// on the way there than one of the plans, or what lies between two of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { NodePlan } from '../../../src/distribution/plan-model.ts';
import type { Assignment, Holder } from '../../../src/distribution/protocol.ts';
import { assertProperty } from '../../support/property.ts';
import { DispatcherHarness, type FarEnd, nodePlan } from './dispatcher-harness.ts';

const NAMES = ['a', 'b', 'c', 'd'];
const HOLDERS = ['task/t', 'task/u', 'container/v'];

const plans: fc.Arbitrary<NodePlan> = fc
  .record({
    versions: fc.dictionary(fc.constantFrom(...NAMES), fc.integer({ min: 1, max: 3 })),
    holders: fc.dictionary(fc.constantFrom(...HOLDERS), fc.subarray(NAMES)),
  })
  .map(({ holders, versions }) => {
    const named = new Set(Object.values(holders).flat());
    return nodePlan(Object.fromEntries([...named].map((name) => [name, versions[name] ?? 1])), holders);
  });

const steps = fc.oneof(
  plans.map((plan) => ({ kind: 'plan', plan }) as const),
  fc.constant({ kind: 'acknowledge' } as const),
  fc.constant({ kind: 'report' } as const),
  fc.integer({ min: 1, max: 120 }).map((by_ms) => ({ kind: 'wait', by_ms }) as const),
  fc.constant({ kind: 'reconnect' } as const),
);

/** A node that does as the protocol says. */
class Node {
  readonly harness: DispatcherHarness;
  far: FarEnd;
  secrets = new Map<string, number>();
  holders = new Map<string, Holder>();
  #seen = 0;

  constructor(harness: DispatcherHarness) {
    this.harness = harness;
    this.far = harness.connect().register();
  }

  reconnect(): void {
    this.harness.clock.advance(8_000);
    this.far.breakOff();
    this.far = this.harness.connect().register();
    this.#seen = 0;
  }

  /** Carries out what has come, and acknowledges it; false if there was nothing. */
  carryOut(): boolean {
    const fresh = this.far.assignments.slice(this.#seen);
    this.#seen += fresh.length;
    fresh.forEach((assignment, at) => {
      assert.equal(assignment.sequence, this.#seen - fresh.length + at + 1);
      this.#apply(assignment);
    });
    if (fresh.length > 0) {
      this.far.acknowledge();
    }
    return fresh.length > 0;
  }

  #apply({ changes, complete }: Assignment): void {
    if (complete) {
      this.secrets = new Map();
      this.holders = new Map();
    }
    for (const change of changes) {
      switch (change.kind) {
        case 'put-secret':
          assert.equal(change.value.toString(), `${change.secretId} ${change.version}`);
          this.secrets.set(change.secretId, change.version);
          break;
        case 'put-holder':
          this.holders.set(change.holder.key, change.holder);
          break;
        case 'remove-holder':
          assert.ok(this.holders.delete(change.key), 'only what is there is removed');
          break;
        case 'remove-secret':
          assert.ok(this.secrets.delete(change.secretId), 'only what is there is removed');
          break;
      }
      this.#requireAllNamed();
    }
  }

  /** After each single change: nobody is told of a secret that is not there. */
  #requireAllNamed(): void {
    for (const { secrets } of this.holders.values()) {
      assert.ok(secrets.every(({ secretId }) => this.secrets.has(secretId)));
    }
  }
}

test('a node ends up with just what it is due', (t) => {
  assertProperty(
    t,
    400,
    fc.property(plans, fc.array(steps, { maxLength: 30 }), (first, all) => {
      const harness = new DispatcherHarness();
      let last = first;
      harness.onFacts = () => harness.offer(last);
      const node = new Node(harness);
      for (const step of all) {
        switch (step.kind) {
          case 'plan':
            last = step.plan;
            harness.offer(last);
            break;
          case 'acknowledge':
            node.carryOut();
            break;
          case 'report':
            node.far.report();
            break;
          case 'wait':
            harness.clock.advance(step.by_ms);
            break;
          case 'reconnect':
            node.reconnect();
            break;
        }
      }
      for (let rounds = 0; rounds < 3; rounds += 1) {
        node.carryOut();
        harness.clock.advance(100);
      }
      assert.equal(node.far.reason(), undefined);
      assert.ok(!node.carryOut(), 'it has come to rest');
      assert.deepEqual(node.secrets, new Map([...last.secrets].map(([id, { version }]) => [id, version])));
      assert.deepEqual(node.holders, last.holders);
      assert.ok(harness.dispatcher.list()[0]?.isCurrent);
    }),
  );
});
