// SPDX-License-Identifier: Apache-2.0
// What a policy refuses to those who would be entitled.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PlanInput } from '../../../src/distribution/plan-model.ts';
import { plan } from '../../../src/distribution/planner.ts';
import type { EngineTask, SwarmSnapshot } from '../../../src/engine/index.ts';
import {
  indexedPolicy,
  type Policy,
  type PolicyEffect,
  type PolicyRuleObject,
} from '../../../src/membership/index.ts';
import { aRule } from '../../support/cluster-objects.ts';
import { container, grant, mount, node, planInput, swarm, task } from './facts.ts';

type Rule = Partial<PolicyRuleObject>;

function policyOf(byDefault: PolicyEffect, rules: readonly Rule[]): Policy {
  return indexedPolicy(
    byDefault,
    rules.map((rule, place) => aRule(`rule${place}`, rule)),
  );
}

/** What the only holder of node `a` has, and what it is refused in brackets. */
function told(rest: Partial<PlanInput>): string {
  const due = plan(planInput(rest)).get('a');
  const [holder, ...others] = due?.holders.values() ?? [];
  assert.ok(due !== undefined && holder !== undefined && others.length === 0);
  const names = holder.secrets.map(({ name }) => name);
  assert.deepEqual([...due.secrets.values()].map(({ name }) => name).toSorted(), names.toSorted());
  return [...names, ...holder.refused.map(({ code, name }) => `[${name}: ${code}]`)].join(' ');
}

const DIGEST = `sha256:${'d'.repeat(64)}`;
const SERVICE = {
  id: 'service',
  name: 'shop_web',
  labels: { 'com.docker.stack.namespace': 'shop', tier: 'front' },
  image: '',
  mounts: [],
  secrets: [],
};
const NODE = { id: 'engine-a', hostname: 'web-1', role: 'worker', labels: { zone: 'eu' } } as const;

function ofTask(rest: Partial<EngineTask> = {}, over: Partial<SwarmSnapshot> = {}): Partial<PlanInput> {
  const one = task('t', { image: `redis:8@${DIGEST}`, ...rest });
  return { swarm: swarm([one], { services: [SERVICE], nodes: [NODE], ...over }) };
}

const DENIED = '[db: policy.denied]';

/** Rules, whether the task may have the secret by one that allows, and whether by one that denies. */
const TASKS: readonly (readonly [Rule, boolean, boolean])[] = [
  [{}, true, false],
  [{ secret: 'D?' }, true, false],
  [{ secret: 'api' }, false, true],
  [{ service: 'shop_*' }, true, false],
  [{ service: 'Shop_*' }, false, true],
  [{ stack: 'shop' }, true, false],
  [{ stack: 'other' }, false, true],
  [{ serviceLabels: { tier: 'front' } }, true, false],
  [{ serviceLabels: { tier: 'back' } }, false, true],
  [{ image: 'redis:8' }, true, false],
  [{ image: 'redis:7' }, false, true],
  [{ image: DIGEST }, true, false],
  [{ node: 'web-1' }, true, false],
  [{ node: 'a' }, true, false],
  [{ node: 'engine-a' }, true, false],
  [{ node: 'b' }, false, true],
  [{ nodeLabels: { zone: 'eu' } }, true, false],
  [{ nodeLabels: { zone: 'us' } }, false, true],
];

test('a task has what the policy allows it, and is told of what it denies', () => {
  for (const [rule, byAllowing, byDenying] of TASKS) {
    const allowed = told({ ...ofTask(), policy: policyOf('deny', [{ ...rule, effect: 'allow' }]) });
    const denied = told({ ...ofTask(), policy: policyOf('allow', [{ ...rule, effect: 'deny' }]) });
    assert.deepEqual(
      [allowed, denied],
      [byAllowing ? 'db' : DENIED, byDenying ? 'db' : DENIED],
      JSON.stringify(rule),
    );
  }
});

test('what is not known of a task or its node counts against it', () => {
  const unknown: readonly (readonly [Rule, Partial<PlanInput>])[] = [
    [{ nodeLabels: { zone: 'eu' } }, ofTask({}, { nodes: [] })],
    [{ image: DIGEST }, ofTask({ image: 'redis:8' })],
    [{ image: 'redis' }, ofTask({ image: '' })],
  ];
  for (const [rule, rest] of unknown) {
    for (const effect of ['allow', 'deny'] as const) {
      const policy = policyOf(effect === 'allow' ? 'deny' : 'allow', [{ ...rule, effect }]);
      assert.equal(told({ ...rest, policy }), DENIED, `${effect} ${JSON.stringify(rule)}`);
    }
  }
});

test('of several secrets a task has those that it is not denied', () => {
  const mounts = [mount('db'), mount('v', { secrets: 'api,missing' })];
  const deny = policyOf('allow', [{ effect: 'deny' }]);
  assert.equal(
    told({ ...ofTask({ mounts }), policy: deny }),
    'api [db: policy.denied] [missing: secret.not-found]',
  );
  const all = policyOf('deny', []);
  assert.equal(
    told({ ...ofTask({ mounts }), policy: all }),
    '[db: policy.denied] [api: policy.denied] [missing: policy.denied]',
    'whether there is a secret is not told to who may not have it',
  );
});

test('a rule that denies takes from a container what it is granted; no default does, nor needs a grant a rule', () => {
  const labels = { 'com.docker.compose.project': 'shop' };
  const nodes = [node('a', [container({ labels })])];
  const cases: readonly (readonly [Policy, string])[] = [
    [policyOf('deny', []), 'db'],
    [policyOf('deny', [{ secret: 'other' }]), 'db'],
    [policyOf('allow', [{ effect: 'deny' }]), DENIED],
    [policyOf('allow', [{ effect: 'deny', stack: 'shop' }]), DENIED],
    [policyOf('allow', [{ effect: 'deny', stack: 'other' }]), 'db'],
    [policyOf('allow', [{ effect: 'deny', image: 'nginx' }]), DENIED],
    [policyOf('allow', [{ effect: 'deny', image: 'redis' }]), 'db'],
    [policyOf('allow', [{ effect: 'deny', node: 'a' }]), DENIED],
    [policyOf('allow', [{ effect: 'deny', service: '*' }]), 'db'],
    [policyOf('allow', [{ effect: 'deny', serviceLabels: { a: 'b' } }]), 'db'],
    // Where there is no swarm, no node has labels.
    [policyOf('allow', [{ effect: 'deny', nodeLabels: { zone: 'eu' } }]), 'db'],
  ];
  for (const [policy, expected] of cases) {
    assert.equal(told({ nodes, grants: [grant('db')], policy }), expected, JSON.stringify(policy));
  }
  const ungranted = { nodes, grants: [], policy: policyOf('allow', [{ effect: 'allow' }]) };
  assert.equal(told(ungranted), '', 'a rule that allows is no grant');
});

test('the labels of a node that the swarm does not have, while there is one, nobody can tell', () => {
  const policy = policyOf('allow', [{ effect: 'deny', nodeLabels: { zone: 'dmz' } }]);
  const rest = { grants: [grant('db')], policy, swarm: swarm([]) };
  assert.equal(told({ ...rest, nodes: [node('a', [container()], { engineNodeId: '' })] }), DENIED);
  assert.equal(told({ ...rest, nodes: [node('a', [container()])] }), DENIED);
  assert.equal(
    told({ ...rest, nodes: [node('a', [container()])], swarm: swarm([], { nodes: [NODE] }) }),
    'db',
  );
});
