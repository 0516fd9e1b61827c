// SPDX-License-Identifier: Apache-2.0
// That looking up the rules for a secret changes no verdict.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  ClusterIndex,
  indexedPolicy,
  type PolicyRequest,
  type PolicyRuleObject,
  verdict,
} from '../../../src/membership/index.ts';
import { aRule } from '../../support/cluster-objects.ts';
import { assertProperty } from '../../support/property.ts';

const TASK: PolicyRequest = {
  secret: 'db',
  service: { name: 'web', labels: {} },
  stack: undefined,
  image: { reference: 'redis', id: '' },
  node: undefined,
};
/** Of which `node` cannot be told: a rule that denies holds then, and one that allows does not. */
const aRandomRule: fc.Arbitrary<Partial<PolicyRuleObject>> = fc.record({
  effect: fc.constantFrom('allow', 'deny'),
  secret: fc.constantFrom('db', 'DB', 'k', 'api', 'ap?', 'd*', '*', 'b*d', 'a'.repeat(64)),
  service: fc.constantFrom('', 'web', 'other'),
  node: fc.constantFrom('', '', 'web-1'),
});
const SECRETS = ['db', 'Db', 'K', '\u212a', 'api', 'apis', 'nobody', '', '*', 'd*', 'ap?'];
const LONG_SECRETS = ['a'.repeat(64), 'a'.repeat(65), '\u0130'.repeat(64)];

const ids = (rules: readonly PolicyRuleObject[]): readonly string[] => rules.map(({ id }) => id);

test('the rules that are looked up for a secret come to the same verdict as all of them', (t) => {
  assertProperty(
    t,
    3_000,
    fc.property(
      fc.array(aRandomRule, { maxLength: 12 }),
      fc.constantFrom('allow', 'deny'),
      fc.array(fc.constantFrom(...SECRETS, ...LONG_SECRETS), { minLength: 1, maxLength: 4 }),
      (parts, byDefault, secrets) => {
        const rules = parts.map((part, place) => aRule(`rule${place}`, part));
        const policy = indexedPolicy(byDefault, rules);
        const all = { ...policy, rulesFor: () => rules };
        for (const secret of secrets) {
          const request = { ...TASK, secret };
          assert.deepEqual(verdict(policy, request), verdict(all, request), secret);
        }
      },
    ),
  );
});

test('a secret that rules name is looked up in those, and in those with a pattern that it is of', () => {
  const secrets = ['db', 'api', 'd*', 'DB', 'x*', 'db'];
  const { rulesFor } = indexedPolicy(
    'deny',
    secrets.map((secret, place) => aRule(`${place}`, { secret })),
  );
  assert.deepEqual(ids(rulesFor('db')), ['0', '2', '3', '5']);
  assert.deepEqual(ids(rulesFor('db')), ['0', '2', '3', '5']);
  assert.deepEqual(ids(rulesFor('api')), ['1']);
  assert.deepEqual(ids(rulesFor('dbs')), ['2']);
  assert.deepEqual(ids(rulesFor('nobody')), []);
  assert.deepEqual(ids(rulesFor('d'.repeat(65))), ['0', '1', '2', '3', '4', '5']);
});

test('a rule counts as soon as it is there, and no longer than that', () => {
  const index = new ClusterIndex();
  const deny = aRule('deny', { effect: 'deny', secret: 'db' });
  assert.equal(verdict(index.policy, TASK).effect, 'allow');
  index.apply({ kind: 'put-object', object: deny });
  assert.equal(verdict(index.policy, TASK).effect, 'deny');
  index.apply({ kind: 'delete-object', object: deny });
  assert.equal(verdict(index.policy, TASK).effect, 'allow');
});
