// SPDX-License-Identifier: Apache-2.0
// How a policy changes.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import {
  applyClusterCommand,
  type ClusterCommand,
  ClusterIndex,
  POLICY_RULES_MAX,
  type PolicyRuleObject,
} from '../../../src/membership/index.ts';
import { aRule } from '../../support/cluster-objects.ts';

describe('a policy', () => {
  let index: ClusterIndex;

  beforeEach(() => {
    index = new ClusterIndex();
  });

  /** How many objects the command has changed. */
  function apply(command: ClusterCommand): number {
    const effects = applyClusterCommand(index, command);
    effects.forEach((effect) => index.apply(effect));
    return effects.length;
  }
  const put = (id: string, over: Partial<PolicyRuleObject> = {}): number =>
    apply({ kind: 'put-policy-rule', rule: aRule(id, over) });
  const setDefault = (effect: 'allow' | 'deny'): number =>
    apply({ kind: 'set-policy-default', policy: { kind: 'policy-default', effect, setAt_ms: 1 } });
  const ids = (): readonly string[] => index.policy.rules.map(({ id }) => id);

  function refused(command: ClusterCommand, code: string, why: RegExp): void {
    const before = index.policy;
    assert.throws(
      () => apply(command),
      (error) => error instanceof CofferError && error.code === code && why.test(error.detail),
    );
    assert.equal(index.policy, before, 'a refused command changes nothing');
  }

  function invalid(over: Partial<PolicyRuleObject>, why: RegExp): void {
    refused({ kind: 'put-policy-rule', rule: aRule('new', over) }, 'policy.invalid', why);
  }

  test('allows everything until it is told otherwise', () => {
    assert.equal(index.policy.default, 'allow');
    assert.deepEqual(index.policy.rules, []);
    assert.equal(setDefault('allow'), 0);
    assert.equal(setDefault('deny'), 1);
    assert.equal(setDefault('deny'), 0);
    assert.equal(index.policy.default, 'deny');
    assert.equal(setDefault('allow'), 1);
    assert.equal(index.policy.default, 'allow');
  });

  test('is one and the same object until it changes, and in the order in which its rules were added', () => {
    put('b', { addedAt_ms: 5 });
    const before = index.policy;
    assert.equal(index.policy, before);
    put('c', { addedAt_ms: 4, secret: 'api' });
    assert.notEqual(index.policy, before);
    put('a', { addedAt_ms: 4, secret: 'other' });
    assert.deepEqual(ids(), ['a', 'c', 'b']);
    apply({ kind: 'remove-policy-rule', id: 'c' });
    assert.deepEqual(ids(), ['a', 'b']);
    refused({ kind: 'remove-policy-rule', id: 'c' }, 'policy.not-found', /no rule c/);
  });

  test('takes a rule that says the same only once, whatever its id, its time and the case of the name', () => {
    const full: Partial<PolicyRuleObject> = {
      service: 'web',
      stack: 'shop',
      serviceLabels: { a: '1', b: '' },
      image: 'redis',
      node: 'web-1',
      nodeLabels: { zone: 'eu' },
    };
    assert.equal(put('one', full), 1);
    assert.equal(put('two', { ...full, addedAt_ms: 9, secret: 'DB', serviceLabels: { b: '', a: '1' } }), 0);
    const others: readonly Partial<PolicyRuleObject>[] = [
      { effect: 'deny' },
      { secret: 'db*' },
      { service: 'Web' },
      { stack: '' },
      { serviceLabels: { a: '1' } },
      { image: 'redis:8' },
      { node: 'web-2' },
      { nodeLabels: {} },
    ];
    for (const [place, other] of others.entries()) {
      assert.equal(put(`other${place}`, { ...full, ...other }), 1, JSON.stringify(other));
    }
  });

  test('takes no rule that nothing can match', () => {
    for (const secret of ['', 'a'.repeat(65), '-a', 'a-', 'a b', 'a/b', 'dé', '[ab]', 'a|b', 'a\n']) {
      invalid({ secret }, /no secret can be named "/);
    }
    for (const service of ['a b', '^web', 'web$', 'wéb', 'web.1', '-web', 'a,b']) {
      invalid({ service }, /no service can be named "/);
    }
    for (const stack of ['shop*', 'a b', '?']) {
      invalid({ stack }, /no stack can be named "/);
    }
    for (const node of ['web-*', 'a b', '-a']) {
      invalid({ node }, /no node can be named "/);
    }
    for (const image of ['redis:*', 'redis latest', 'sha256:abc', ':latest', 'redis@sha256:abc']) {
      invalid({ image }, /no image can be named "/);
    }
    const labels = Object.fromEntries(Array.from({ length: 17 }, (_, number) => [`l${number}`, '']));
    for (const kind of ['serviceLabels', 'nodeLabels'] as const) {
      invalid({ [kind]: labels }, /16 labels of a kind at most/);
      invalid({ [kind]: { '': 'x' } }, /cannot name the label ""/);
      invalid({ [kind]: { constructor: 'x' } }, /cannot name the label "constructor"/);
      invalid({ [kind]: { a: 'b'.repeat(513) } }, /512 bytes at most/);
    }
    invalid({ service: 'a'.repeat(513) }, /512 bytes at most/);
    assert.deepEqual(ids(), []);
  });

  test('has a thousand rules at most, and each id is used once', () => {
    for (let number = 0; number < POLICY_RULES_MAX; number += 1) {
      index.apply({ kind: 'put-object', object: aRule(`id${number}`, { secret: `s${number}` }) });
    }
    invalid({}, /1000 rules already/);
    refused({ kind: 'put-policy-rule', rule: aRule('id1') }, 'policy.invalid', /used once/);
    assert.equal(put('same', { secret: 's1' }), 0, 'what is there already is not refused');
  });
});
