// SPDX-License-Identifier: Apache-2.0
// The policy as an administrator changes it: at one manager in memory, and in a cluster of real nodes.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { PolicyAdmin } from '../../../src/cluster/index.ts';
import { LocalPolicies } from '../../../src/cluster/policy-admin.ts';
import { aRule } from '../../support/cluster-objects.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import { waitFor } from '../../support/wait-for.ts';
import { TestNode } from './cluster-harness.ts';
import { establishedStore, refusal } from './service-harness.ts';

const NOW_MS = 5_000;

describe('a rule', () => {
  let store: MemoryStore;
  let policies: PolicyAdmin;

  beforeEach(async () => {
    store = await establishedStore(NOW_MS);
    policies = new LocalPolicies({ store, now_ms: () => NOW_MS });
  });

  test('is added with what was named, and answered with the one that is there when it is added again', async () => {
    const { changed, rule } = await policies.add({ effect: 'deny', secret: 'db', service: 'web-*' });
    assert.match(rule.id, /^[0-9a-z]{25}$/);
    assert.deepEqual(
      [rule, changed],
      [
        {
          id: rule.id,
          effect: 'deny',
          secret: 'db',
          service: 'web-*',
          stack: '',
          serviceLabels: {},
          image: '',
          node: '',
          nodeLabels: {},
          addedAt_ms: NOW_MS,
        },
        true,
      ],
    );
    const again = await policies.add({ effect: 'deny', secret: 'DB', service: 'web-*' });
    assert.deepEqual([again.rule, again.changed], [rule, false]);
    assert.deepEqual(await policies.describe(), {
      default: 'allow',
      rules: [rule],
      freshness: 'linearizable',
    });
  });

  test('is removed by its id, or by the beginning of it that no other has', async () => {
    for (const id of ['abc1', 'abd2', 'xyz3']) {
      await store.propose({ kind: 'put-policy-rule', rule: aRule(id, { secret: id }) });
    }
    await assert.rejects(policies.remove('ab'), refusal('request.invalid', /ab is ambiguous: 2 rules match/));
    assert.equal((await policies.remove('x')).rule.id, 'xyz3');
    assert.equal((await policies.remove('abc1')).rule.secret, 'abc1');
    await assert.rejects(policies.remove('abc1'), refusal('policy.not-found', /no rule abc1/));
    await assert.rejects(policies.remove(''), refusal('policy.not-found'));
    assert.deepEqual(
      store.cluster.policy.rules.map(({ id }) => id),
      ['abd2'],
    );
  });

  test('that nothing can match never gets into the log', async () => {
    const before = store.status().lastIndex;
    await assert.rejects(policies.add({ effect: 'allow', secret: 'd b' }), refusal('policy.invalid'));
    await assert.rejects(
      policies.add({ effect: 'allow', secret: 'db', node: 'web-*' }),
      refusal('policy.invalid'),
    );
    assert.equal(store.status().lastIndex, before);
  });
});

test('a policy made at a manager that does not lead is known to all, and outlives a restart', async (t) => {
  const leader = await TestNode.start();
  t.after(() => leader.destroy());
  const other = await leader.joined('manager');
  t.after(() => other.destroy());
  const { rule } = await other.admin.policies.add({
    effect: 'allow',
    secret: 'db',
    serviceLabels: { a: 'b' },
  });
  assert.deepEqual(await other.admin.policies.setDefault('deny'), { default: 'deny', before: 'allow' });
  const policy = { default: 'deny', rules: [rule], freshness: 'linearizable' };
  assert.deepEqual(await leader.admin.policies.describe(), policy);
  await other.stop();
  await other.start();
  await other.serving();
  await waitFor(async () => (await other.admin.policies.describe()).freshness === 'linearizable', {
    what: 'the leader after the restart',
  });
  assert.deepEqual(await other.admin.policies.describe(), policy);
});
