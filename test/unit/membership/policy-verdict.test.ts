// SPDX-License-Identifier: Apache-2.0
// Who may have a secret, by the rules of a policy.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import {
  indexedPolicy,
  isAllowingAll,
  type Policy,
  POLICY_RULES_MAX,
  type PolicyEffect,
  policyRefusal,
  type PolicyRequest,
  type PolicyRuleObject,
  type Verdict,
  verdict,
} from '../../../src/membership/index.ts';
import { aRule } from '../../support/cluster-objects.ts';
import { assertProperty } from '../../support/property.ts';

const DIGEST = `sha256:${'d'.repeat(64)}`;
const OTHER_DIGEST = `sha256:${'e'.repeat(64)}`;
const ID = `sha256:${'1'.repeat(64)}`;

/** A task of a stack's service, of which everything is known. */
const TASK: PolicyRequest = {
  secret: 'db',
  service: {
    name: 'shop_web',
    labels: { 'com.docker.stack.namespace': 'shop', tier: 'front', empty: '', 'a=b': 'c=d', star: '*' },
  },
  stack: 'shop',
  image: { reference: `redis:8@${DIGEST}`, id: '' },
  node: { ids: ['node-id', 'engine-id'], hostnames: ['web-1'], labels: { zone: 'eu', ssd: '' } },
};
/** A container that no service has made. */
const CONTAINER: PolicyRequest = {
  ...TASK,
  service: undefined,
  stack: 'shop',
  image: { reference: 'redis', id: ID },
};

type Rule = Partial<PolicyRuleObject>;
type Holds = 'yes' | 'no' | 'unknown';

/** Whether a rule of that kind holds, by what an allowing and a denying one come to. */
function holds(rule: Rule, request: PolicyRequest): Holds {
  const allowed = verdict(policyOf('deny', [{ ...rule, effect: 'allow' }]), request).effect === 'allow';
  const denied = verdict(policyOf('allow', [{ ...rule, effect: 'deny' }]), request);
  assert.ok(!allowed || denied.because === 'rule', 'what is allowed for certain is denied for certain');
  if (allowed) {
    return 'yes';
  }
  return denied.effect === 'deny' ? 'unknown' : 'no';
}

function policyOf(byDefault: PolicyEffect, rules: readonly Rule[]): Policy {
  return indexedPolicy(
    byDefault,
    rules.map((rule, place) => aRule(`rule${place}`, rule)),
  );
}

const service = (name: string, labels: Readonly<Record<string, string>> = {}): Partial<PolicyRequest> => ({
  service: { name, labels },
});
const image = (reference: string, id = ''): Partial<PolicyRequest> => ({ image: { reference, id } });
const node = (over: Partial<NonNullable<PolicyRequest['node']>>): Partial<PolicyRequest> => ({
  node: { ids: ['node-id'], hostnames: ['web-1'], labels: {}, ...over },
});

const CASES: readonly (readonly [Rule, Partial<PolicyRequest>, Holds])[] = [
  // The secret.
  [{}, {}, 'yes'],
  [{ secret: 'DB' }, {}, 'yes'],
  [{ secret: 'db' }, { secret: 'Db' }, 'yes'],
  [{ secret: 'api' }, {}, 'no'],
  [{ secret: 'db' }, { secret: 'db2' }, 'no'],
  [{ secret: 'db' }, { secret: 'xdb' }, 'no'],
  [{ secret: '*' }, {}, 'yes'],
  [{ secret: 'd*' }, {}, 'yes'],
  [{ secret: 'D*' }, {}, 'yes'],
  [{ secret: '*b' }, {}, 'yes'],
  [{ secret: '??' }, {}, 'yes'],
  [{ secret: '???' }, {}, 'no'],
  [{ secret: '?' }, {}, 'no'],
  [{ secret: 'db-*' }, { secret: 'db-' }, 'yes'],
  [{ secret: 'db.x' }, { secret: 'db-x' }, 'no'],
  [{ secret: 'db' }, { secret: 'd*' }, 'no'],
  [{ secret: 'db' }, { secret: '*' }, 'no'],
  [{ secret: 'db' }, { secret: '??' }, 'no'],
  [{ secret: 'db' }, { secret: 'db\n' }, 'no'],
  [{ secret: 'db' }, { secret: '' }, 'no'],
  [{ secret: 'k' }, { secret: '\u212a' }, 'yes'],
  [{ secret: 'a*' }, { secret: 'a'.repeat(65) }, 'unknown'],
  [{ secret: '*' }, { secret: 'a'.repeat(10_000_000) }, 'unknown'],
  // The service.
  [{ service: 'shop_web' }, {}, 'yes'],
  [{ service: 'shop_*' }, {}, 'yes'],
  [{ service: '*' }, {}, 'yes'],
  [{ service: 'shop?web' }, {}, 'yes'],
  [{ service: 'Shop_web' }, {}, 'no'],
  [{ service: 'shop_we' }, {}, 'no'],
  [{ service: 'hop_web' }, {}, 'no'],
  [{ service: 'web' }, service('*'), 'no'],
  [{ service: 'web' }, service('w?b'), 'no'],
  [{ service: 'web' }, service('[w]eb'), 'no'],
  [{ service: 'web' }, service('web,db'), 'no'],
  [{ service: 'web' }, service('web db'), 'no'],
  [{ service: 'web' }, service('web\0'), 'no'],
  [{ service: 'web' }, service('WEB'), 'no'],
  [{ service: 'web' }, service('we\u0301b'), 'no'],
  [{ service: 'web' }, service('\uff57\uff45\uff42'), 'no'],
  [{ service: 'web' }, service(''), 'no'],
  [{ service: '?' }, service('\u{1f511}'), 'yes'],
  [{ service: '??' }, service('\u{1f511}'), 'no'],
  [{ service: 'a?b' }, service('a\u{1f511}b'), 'yes'],
  [{ service: '*' }, service('\u{1f511}'), 'yes'],
  [{ service: 'web*' }, service('w'.repeat(129)), 'unknown'],
  [{ service: 'web*' }, service('w'.repeat(10_000_000)), 'unknown'],
  // The stack.
  [{ stack: 'shop' }, {}, 'yes'],
  [{ stack: 'Shop' }, {}, 'no'],
  [{ stack: 'sho' }, {}, 'no'],
  [{ stack: 'shop' }, { stack: undefined }, 'no'],
  [{ stack: 'shop' }, { stack: '*' }, 'no'],
  [{ stack: 'shop' }, { stack: 'shop,other' }, 'no'],
  [{ stack: 'shop' }, { stack: 's'.repeat(10_000_000) }, 'no'],
  // Labels of the service.
  [{ serviceLabels: { tier: 'front' } }, {}, 'yes'],
  [{ serviceLabels: { tier: 'Front' } }, {}, 'no'],
  [{ serviceLabels: { Tier: 'front' } }, {}, 'no'],
  [{ serviceLabels: { tier: '' } }, {}, 'no'],
  [{ serviceLabels: { empty: '' } }, {}, 'yes'],
  [{ serviceLabels: { none: '' } }, {}, 'no'],
  [{ serviceLabels: { toString: '' } }, {}, 'no'],
  [{ serviceLabels: { tier: 'f*' } }, {}, 'no'],
  [{ serviceLabels: { tier: '*' } }, {}, 'no'],
  [{ serviceLabels: { star: '*' } }, {}, 'yes'],
  [{ serviceLabels: { 'a=b': 'c=d' } }, {}, 'yes'],
  [{ serviceLabels: { a: 'b=c=d' } }, {}, 'no'],
  [{ serviceLabels: { tier: 'front', star: '*' } }, {}, 'yes'],
  [{ serviceLabels: { tier: 'front', star: 'x' } }, {}, 'no'],
  [{ serviceLabels: { tier: 'front' } }, service('web', { tier: 'front\n' }), 'no'],
  [{ serviceLabels: { tier: 'front' } }, service('web', { 'tier\0': 'front' }), 'no'],
  [{ serviceLabels: { e: '\u00e9' } }, service('web', { e: 'e\u0301' }), 'no'],
  [{ serviceLabels: { e: '\u00e9' } }, service('web', { e: '\u00e9' }), 'yes'],
  [{ serviceLabels: { tier: 'front' } }, service('web', { tier: 'f'.repeat(10_000_000) }), 'no'],
  // The image.
  [{ image: 'redis:8' }, {}, 'yes'],
  [{ image: 'redis' }, {}, 'no'],
  [{ image: 'redis:7' }, {}, 'no'],
  [{ image: 'other:8' }, {}, 'no'],
  [{ image: `redis@${DIGEST}` }, {}, 'yes'],
  [{ image: `redis:7@${DIGEST}` }, {}, 'yes'],
  [{ image: `redis@${OTHER_DIGEST}` }, {}, 'no'],
  [{ image: `other@${DIGEST}` }, {}, 'no'],
  [{ image: DIGEST }, {}, 'yes'],
  [{ image: OTHER_DIGEST }, {}, 'no'],
  [{ image: `redis@${DIGEST}` }, image('redis:8'), 'unknown'],
  [{ image: DIGEST }, image('redis:8'), 'unknown'],
  [{ image: DIGEST }, image('redis:8', ID), 'unknown'],
  [{ image: ID }, image('redis:8', ID), 'yes'],
  [{ image: ID }, image(ID), 'yes'],
  [{ image: ID }, image(OTHER_DIGEST), 'no'],
  [{ image: 'redis' }, image(ID), 'unknown'],
  [{ image: 'redis' }, image('redis'), 'yes'],
  [{ image: 'redis' }, image('redis:latest'), 'yes'],
  [{ image: 'redis:latest' }, image('redis'), 'yes'],
  [{ image: 'redis:8' }, image(`redis@${DIGEST}`), 'unknown'],
  [{ image: 'redis' }, image('docker.io/library/redis'), 'yes'],
  [{ image: 'redis' }, image('index.docker.io/library/redis:latest'), 'yes'],
  [{ image: 'docker.io/me/app:1' }, image('me/app:1'), 'yes'],
  [{ image: 'redis' }, image('evil.example/library/redis'), 'no'],
  [{ image: 'host:5000/app' }, image('host:5000/app:latest'), 'yes'],
  [{ image: 'host:5000/app' }, image('host:5000/app:1'), 'no'],
  [{ image: 'redis' }, image('Redis'), 'no'],
  [{ image: 'redis' }, image('*'), 'no'],
  [{ image: 'redis' }, image(''), 'unknown'],
  [{ image: 'redis' }, image('r'.repeat(10_000_000)), 'unknown'],
  // The node.
  [{ node: 'web-1' }, {}, 'yes'],
  [{ node: 'node-id' }, {}, 'yes'],
  [{ node: 'engine-id' }, {}, 'yes'],
  [{ node: 'web' }, {}, 'no'],
  [{ node: 'Web-1' }, {}, 'no'],
  [{ node: 'web-1' }, node({ hostnames: ['*'] }), 'no'],
  [{ node: 'web-1' }, node({ hostnames: [] }), 'unknown'],
  [{ node: 'node-id' }, node({ hostnames: [] }), 'yes'],
  [{ node: 'web-1' }, { node: undefined }, 'unknown'],
  // Labels of the node.
  [{ nodeLabels: { zone: 'eu' } }, {}, 'yes'],
  [{ nodeLabels: { zone: 'us' } }, {}, 'no'],
  [{ nodeLabels: { ssd: '' } }, {}, 'yes'],
  [{ nodeLabels: { zone: '' } }, {}, 'no'],
  [{ nodeLabels: { zone: 'eu', ssd: '' } }, {}, 'yes'],
  [{ nodeLabels: { zone: 'eu', rack: '1' } }, {}, 'no'],
  [{ nodeLabels: { zone: 'eu' } }, node({ labels: undefined }), 'unknown'],
  [{ nodeLabels: { zone: 'eu' } }, { node: undefined }, 'unknown'],
  [{ nodeLabels: { hasOwnProperty: '' } }, {}, 'no'],
  // Several: one that does not hold is enough, also where another cannot be told.
  [{ service: 'shop_web', stack: 'shop', image: 'redis:8', node: 'web-1' }, {}, 'yes'],
  [{ service: 'other', nodeLabels: { zone: 'eu' } }, node({ labels: undefined }), 'no'],
  [{ service: 'shop_web', nodeLabels: { zone: 'eu' } }, node({ labels: undefined }), 'unknown'],
  [{ secret: 'api', image: DIGEST }, image('redis'), 'no'],
  [{ image: 'redis', node: 'web-2' }, image(''), 'no'],
];

describe('a rule', () => {
  test('holds if all does that it names, and tells what cannot be told', () => {
    assert.ok(CASES.length >= 100);
    for (const [rule, request, expected] of CASES) {
      const what = JSON.stringify([rule, request]).slice(0, 300);
      assert.equal(holds(rule, { ...TASK, ...request }), expected, what);
    }
  });

  test('is for containers without a service too, unless it names what only services have', () => {
    const cases: readonly (readonly [Rule, Holds])[] = [
      [{}, 'yes'],
      [{ service: '*' }, 'no'],
      [{ serviceLabels: { tier: 'front' } }, 'no'],
      [{ stack: 'shop' }, 'yes'],
      [{ stack: 'other' }, 'no'],
      [{ image: 'redis' }, 'yes'],
      [{ image: ID }, 'yes'],
      [{ node: 'web-1' }, 'yes'],
      [{ nodeLabels: { zone: 'eu' } }, 'yes'],
    ];
    for (const [rule, expected] of cases) {
      assert.equal(holds(rule, CONTAINER), expected, JSON.stringify(rule));
    }
  });
});

describe('a policy', () => {
  const outcome = (policy: Policy): string => {
    const { because, effect, ...rest } = verdict(policy, TASK);
    return [effect, because, 'rule' in rest ? rest.rule.id : ''].join(' ').trim();
  };

  test('is decided by any rule that denies, then by any that allows, then by the default', () => {
    const allow: Rule = { effect: 'allow' };
    const deny: Rule = { effect: 'deny' };
    const other: Rule = { secret: 'api' };
    assert.equal(outcome(policyOf('allow', [])), 'allow default');
    assert.equal(outcome(policyOf('deny', [])), 'deny default');
    assert.equal(outcome(policyOf('deny', [allow])), 'allow rule rule0');
    assert.equal(outcome(policyOf('allow', [deny])), 'deny rule rule0');
    assert.equal(outcome(policyOf('allow', [allow, deny])), 'deny rule rule1');
    assert.equal(outcome(policyOf('allow', [deny, allow])), 'deny rule rule0');
    assert.equal(
      outcome(
        policyOf('deny', [
          { ...deny, ...other },
          { ...allow, ...other },
        ]),
      ),
      'deny default',
    );
    // That there are rules for a secret does not close it to those that none of them is for.
    assert.equal(outcome(policyOf('allow', [{ ...allow, service: 'other' }])), 'allow default');
    assert.equal(outcome(policyOf('deny', [{ ...allow, ...other }, allow, allow])), 'allow rule rule1');
  });

  test('of which nobody could be refused anything is told from others', () => {
    assert.equal(isAllowingAll(policyOf('allow', [])), true);
    assert.equal(isAllowingAll(policyOf('allow', [{ effect: 'allow' }])), true);
    assert.equal(isAllowingAll(policyOf('deny', [])), false);
    assert.equal(isAllowingAll(policyOf('allow', [{ effect: 'deny' }])), false);
  });

  test('refuses in one sentence, which names the rule and never what others have made of a line', () => {
    const told = (verdictGiven: Verdict, request: Partial<PolicyRequest> = {}): readonly unknown[] => {
      const error = policyRefusal(verdictGiven, { ...TASK, ...request });
      assert.equal(error?.code, 'policy.denied');
      return [error.detail, error.hint?.includes('docker coffer policy ls')];
    };
    const rule = aRule('abc', { effect: 'deny' });
    assert.deepEqual(told({ effect: 'deny', because: 'rule', rule }), [
      'rule abc denies service shop_web the secret db',
      true,
    ]);
    assert.deepEqual(told({ effect: 'deny', because: 'rule', rule }, { service: undefined }), [
      'rule abc denies this container the secret db',
      true,
    ]);
    assert.deepEqual(told({ effect: 'deny', because: 'unknown', rule }), [
      'rule abc denies service shop_web the secret db, as long as it cannot be told that the rule means others',
      true,
    ]);
    assert.deepEqual(
      told({ effect: 'deny', because: 'default' }, { secret: 'd\nb', service: { name: 'w\nb', labels: {} } }),
      ['no rule allows service "w\\nb" the secret "d\\nb", and what no rule allows is denied', true],
    );
    assert.equal(policyRefusal({ effect: 'allow', because: 'default' }, TASK), undefined);
  });
});

const label = fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom('', '1', '*'), { maxKeys: 2 });
const aRandomRule: fc.Arbitrary<Rule> = fc.record({
  effect: fc.constantFrom<PolicyEffect>('allow', 'deny'),
  secret: fc.constantFrom('db', 'api', '*', 'd?'),
  service: fc.constantFrom('', 'web', 'w*', 'db'),
  stack: fc.constantFrom('', 'shop'),
  serviceLabels: label,
  image: fc.constantFrom('', 'redis', 'redis:8', DIGEST, `redis@${DIGEST}`),
  node: fc.constantFrom('', 'web-1', 'node-id'),
  nodeLabels: label,
});
const aRequest: fc.Arbitrary<PolicyRequest> = fc.record({
  secret: fc.constantFrom('db', 'DB', 'api', 'other', '*'),
  service: fc.option(fc.record({ name: fc.constantFrom('web', 'db', '*', '', '\u{1f511}'), labels: label }), {
    nil: undefined,
  }),
  stack: fc.constantFrom(undefined, 'shop', '*'),
  image: fc.record({
    reference: fc.constantFrom('redis', 'redis:8', `redis:8@${DIGEST}`, `redis@${OTHER_DIGEST}`, ''),
    id: fc.constantFrom('', ID),
  }),
  node: fc.option(
    fc.record({
      ids: fc.constantFrom(['node-id'], []),
      hostnames: fc.constantFrom(['web-1'], ['web-2', 'web-1'], []),
      labels: fc.option(label, { nil: undefined }),
    }),
    { nil: undefined },
  ),
});

test('a rule more that denies never allows more, one that allows never denies more, and a denial always wins', (t) => {
  const policy = fc.record({
    byDefault: fc.constantFrom<PolicyEffect>('allow', 'deny'),
    rules: fc.array(aRandomRule, { maxLength: 6 }),
    more: aRandomRule,
    place: fc.nat(6),
  });
  assertProperty(
    t,
    3_000,
    fc.property(policy, aRequest, ({ byDefault, more, place, rules }, request) => {
      const before = verdict(policyOf(byDefault, rules), request);
      const after = verdict(policyOf(byDefault, rules.toSpliced(place, 0, more)), request);
      if (before.effect !== after.effect) {
        assert.equal(after.effect, more.effect);
      }
      const denies = rules.filter(({ effect }) => effect === 'deny');
      if (denies.some((rule) => holds(rule, request) !== 'no')) {
        assert.equal(before.effect, 'deny');
        assert.notEqual(before.because, 'default');
      }
      const allows = rules.filter(({ effect }) => effect === 'allow');
      if (before.effect === 'allow' && before.because === 'rule') {
        assert.ok(allows.some((rule) => holds(rule, request) === 'yes'));
      }
    }),
  );
});

test('what is known of somebody more never lets in whom a denial was for, nor shuts out whom a rule has let in', (t) => {
  assertProperty(
    t,
    3_000,
    fc.property(aRandomRule, aRequest, fc.nat(2), (rule, request, what) => {
      const less: PolicyRequest = {
        ...request,
        node:
          what === 0 || request.node === undefined
            ? undefined
            : { ...request.node, ...(what === 1 ? { labels: undefined } : { hostnames: [] }) },
      };
      const [known, unknown] = [holds(rule, request), holds(rule, less)];
      // To know less makes a rule uncertain at most.
      assert.ok(known === unknown || unknown === 'unknown', `${known}, and with less: ${unknown}`);
    }),
  );
});

test('a thousand rules are held against names made to be slow in no time', () => {
  const rules = Array.from(
    { length: POLICY_RULES_MAX },
    (): Rule => ({
      effect: 'deny',
      secret: '*',
      service: `*${'a?'.repeat(30)}b*`,
    }),
  );
  const policy = policyOf('allow', rules);
  const request = { ...TASK, service: { name: 'a'.repeat(128), labels: {} } };
  const begun_ms = performance.now();
  assert.equal(verdict(policy, request).effect, 'allow');
  // The engine waits for a second at most.
  assert.ok(performance.now() - begun_ms < 1_000);
});
