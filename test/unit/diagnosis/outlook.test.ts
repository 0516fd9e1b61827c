// SPDX-License-Identifier: Apache-2.0
// What a service would be answered, by what is in the store and by the policy.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  outlookOf,
  type OutlookNode,
  type OutlookStore,
  type UsedSecret,
} from '../../../src/diagnosis/index.ts';
import {
  indexedPolicy,
  type Policy,
  type PolicyRuleObject,
  type SealingKeyObject,
} from '../../../src/membership/index.ts';
import { newSealingKey } from '../../../src/sealing/index.ts';
import type { Secret } from '../../../src/secrets/index.ts';
import { aRule } from '../../support/cluster-objects.ts';
import { sealedFor } from '../../support/sealed-values.ts';

/** Its versions 2 and 3 are there; 1 was destroyed. */
const SECRET: Secret = {
  id: 's'.repeat(25),
  name: 'db',
  labels: {},
  origin: 'control',
  pending: false,
  engine: undefined,
  versions: [2, 3].map((number) => ({ number, createdAt_ms: number, size: 5 })),
  destroyed: [{ number: 1, createdAt_ms: 1, size: 5, destroyedAt_ms: 9 }],
  createdAt_ms: 1,
  updatedAt_ms: 9,
  modifiedIndex: 9,
};
const SERVICE = { name: 'web', labels: { tier: 'front' }, image: 'redis:8' };
const NORTH: OutlookNode = { id: 'n1', hostname: 'north', labels: { zone: 'dmz' } };
const SOUTH: OutlookNode = { id: 'n2', hostname: 'south', labels: {} };

const KEY = newSealingKey('c'.repeat(25), 1);

function sealingKey(id: string): SealingKeyObject | undefined {
  return id === KEY.id ? { kind: 'sealing-key', active: true, ...KEY } : undefined;
}

function storeWith(
  rules: readonly PolicyRuleObject[] = [],
  byDefault: Policy['default'] = 'allow',
): OutlookStore {
  return {
    byName: (name) => (name.toLowerCase() === 'db' ? SECRET : undefined),
    cluster: { policy: indexedPolicy(byDefault, rules), nodeByEngine: () => undefined, sealingKey },
  };
}

function use(secret: string, labels: Readonly<Record<string, string>> = {}): UsedSecret {
  return { secret, registered: secret, labels, via: 'secret' };
}

test('the value is the version that the label asks for, one that will be made, or a sentence on why there is none', () => {
  const cases: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
    ['db', {}, 'there 3 of 3'],
    ['DB', { 'coffer.version': 'current' }, 'there 3 of 3'],
    ['db', { 'coffer.version': 'previous' }, 'there 2 of 3, pinned to previous'],
    ['db', { 'coffer.version': '2' }, 'there 2 of 3, pinned to 2'],
    ['db', { 'coffer.version': '1' }, 'secret.version-not-found: version 1 of secret db was destroyed'],
    ['db', { 'coffer.version': '7' }, 'secret.version-not-found: secret db has no version 7; it has 2, 3'],
    [
      'db',
      { 'coffer.version': 'newest' },
      'secret.label-invalid: label coffer.version is a version\'s number, "current" or "previous", not newest',
    ],
    ['api', {}, 'secret.not-found: coffer holds no secret api'],
    ['api', { 'coffer.generate': 'hex:32' }, 'made'],
  ];
  for (const [name, labels, expected] of cases) {
    const { value } = outlookOf(storeWith(), SERVICE, use(name, labels), []);
    const pin = value.kind === 'there' && value.pin !== undefined ? `, pinned to ${value.pin}` : '';
    const told =
      value.kind === 'there'
        ? `there ${value.version} of ${value.current}${pin}`
        : value.kind === 'missing'
          ? `${value.error.code}: ${value.error.detail}`
          : value.kind;
    assert.equal(told, expected, JSON.stringify([name, labels]));
  }
});

test('a sealed value is good for its secret alone, and where it is not opened that is not noticed', () => {
  const label = sealedFor(KEY, 'api', 'value');
  const cases: readonly (readonly [string, Readonly<Record<string, string>>, string, string])[] = [
    ['api', { 'coffer.sealed': label }, 'sealed', 'sealed'],
    ['web', { 'coffer.sealed': label }, 'sealed.scope', 'sealed'],
    ['db', { 'coffer.sealed': sealedFor(KEY, 'db', 'value') }, 'sealed.conflict', 'sealed.conflict'],
    ['api', { 'coffer.sealed': 'x' }, 'sealed.invalid', 'sealed.invalid'],
    ['api', { 'coffer.sealed': label, 'coffer.name': 'db' }, 'secret.label-invalid', 'secret.label-invalid'],
  ];
  for (const [name, labels, opened, unopened] of cases) {
    const told = [true, false].map((opening) => {
      const { value } = outlookOf(storeWith(), SERVICE, use(name, labels), [], opening);
      return value.kind === 'missing' ? value.error.code : value.kind;
    });
    assert.deepEqual(told, [opened, unopened], name);
  }
});

test('the policy decides alike for all nodes, or the nodes are named on which it denies', () => {
  const deny = (over: Partial<PolicyRuleObject>): PolicyRuleObject =>
    aRule('no', { effect: 'deny', ...over });
  const cases: readonly (readonly [
    what: string,
    store: OutlookStore,
    nodes: readonly OutlookNode[],
    expected: string,
  ])[] = [
    ['no rule', storeWith(), [], 'allowed'],
    ['a rule that allows', storeWith([aRule('yes')], 'deny'), [], 'allowed by yes'],
    ['no rule, and deny', storeWith([], 'deny'), [], 'denied: no rule allows'],
    ['a rule that denies', storeWith([deny({ service: 'w*' })]), [SOUTH], 'denied: rule no denies'],
    ['a rule on others', storeWith([deny({ service: 'api' })]), [], 'allowed'],
    ['a rule on nodes, not yet placed', storeWith([deny({ node: 'north' })]), [], 'depends: '],
    [
      'a rule that allows on nodes, not yet placed',
      storeWith([aRule('yes', { node: 'north' })], 'deny'),
      [],
      'depends: ',
    ],
    [
      'denied by others whatever the node',
      storeWith([deny({ node: 'north' })], 'deny'),
      [],
      'denied: no rule allows',
    ],
    ['on that node', storeWith([deny({ nodeLabels: { zone: 'dmz' } })]), [NORTH], 'denied: rule no denies'],
    ['on another', storeWith([deny({ nodeLabels: { zone: 'dmz' } })]), [SOUTH], 'allowed'],
    ['on one of two', storeWith([deny({ node: 'north' })]), [NORTH, SOUTH], 'depends: north'],
  ];
  for (const [what, store, nodes, expected] of cases) {
    const { policy } = outlookOf(store, SERVICE, use('db'), nodes);
    const told =
      policy.kind === 'allowed'
        ? `allowed${policy.rule === undefined ? '' : ` by ${policy.rule}`}`
        : policy.kind === 'denied'
          ? `denied: ${policy.error.detail}`
          : `depends: ${policy.deniedOn.join()}`;
    assert.ok(
      told === expected || (expected.startsWith('denied') && told.startsWith(expected)),
      `${what}: ${told}`,
    );
  }
});
