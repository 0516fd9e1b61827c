// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  AuditAdmin,
  ControlOptions,
  PolicyReply,
  PolicyRuleReply,
  PolicyTestReply,
  SecretUse,
} from '../../../src/control/index.ts';
import { CLUSTER_NOW_MS, FakeCluster } from '../../support/fake-cluster.ts';
import { grantingCluster } from '../../support/granting-cluster.ts';
import { RecordingAudit } from '../../support/recording-audit.ts';
import { codeOf, type Harness, type Reply, send, withControl } from './control-harness.ts';

/** With a cluster on the store that the control server has. */
async function withPolicy(
  work: (harness: Harness) => Promise<void>,
  overrides: Partial<ControlOptions> = {},
): Promise<void> {
  let cluster = new FakeCluster();
  await withControl({ cluster: () => cluster, ...overrides }, async (harness) => {
    cluster = await grantingCluster(harness.store);
    await work(harness);
  });
}

function sendJson(harness: Harness, method: 'POST' | 'PUT', path: string, body: unknown): Promise<Reply> {
  return send(harness, method, path, Buffer.from(JSON.stringify(body)), {
    'content-type': 'application/json',
  });
}

const messageOf = ({ json }: Reply): string => (json as { message: string }).message;

test('a rule is added once, listed with the default, and removed', async () => {
  await withPolicy(async (harness) => {
    const wish = {
      effect: 'deny',
      secret: 'db-*',
      service: 'shop_*',
      stack: 'shop',
      serviceLabels: { tier: 'front' },
      image: 'redis:8',
      node: 'web-1',
      nodeLabels: { zone: 'eu' },
    };
    const made = await sendJson(harness, 'POST', '/v1/policy/rules', wish);
    const { rule } = made.json as PolicyRuleReply;
    assert.deepEqual(
      [made.status, made.json],
      [201, { rule: { ...wish, id: rule.id, addedAt_ms: CLUSTER_NOW_MS }, changed: true }],
    );
    const again = await sendJson(harness, 'POST', '/v1/policy/rules', { ...wish, secret: 'DB-*' });
    assert.deepEqual([again.status, again.json], [200, { rule, changed: false }]);
    const set = await sendJson(harness, 'PUT', '/v1/policy/default', { effect: 'deny' });
    assert.deepEqual([set.status, set.json], [200, { default: 'deny' }]);
    const listed = await send(harness, 'GET', '/v1/policy');
    const policy: PolicyReply = { default: 'deny', rules: [rule], freshness: 'linearizable' };
    assert.deepEqual(listed.json, policy);
    const removed = await send(harness, 'DELETE', `/v1/policy/rules/${rule.id.slice(0, 20)}`);
    assert.deepEqual([removed.status, removed.json], [200, { rule }]);
    const gone = await send(harness, 'DELETE', `/v1/policy/rules/${rule.id}`);
    assert.deepEqual([gone.status, codeOf(gone)], [404, 'policy.not-found']);
  });
});

test('what a change of the policy has come to stands in the audit log: the rule and its words, the default and the one before', async () => {
  const auditor = new RecordingAudit();
  const audit: AuditAdmin = {
    auditor,
    select: async () => [],
    verify: async () => ({ records: 0 }),
    acknowledge: async (lost) => lost,
  };
  await withPolicy(
    async (harness) => {
      const wish = { effect: 'deny', secret: 'db-*', stack: 'shop', nodeLabels: { zone: 'dmz', rack: '1' } };
      const made = await sendJson(harness, 'POST', '/v1/policy/rules', wish);
      const { id } = (made.json as PolicyRuleReply).rule;
      await sendJson(harness, 'POST', '/v1/policy/rules', wish);
      await sendJson(harness, 'POST', '/v1/policy/rules', { effect: 'allow', secret: 'd b' });
      await sendJson(harness, 'PUT', '/v1/policy/default', { effect: 'deny' });
      await sendJson(harness, 'PUT', '/v1/policy/default', { effect: 'deny' });
      await send(harness, 'DELETE', `/v1/policy/rules/${id.slice(0, 8)}`);
      await send(harness, 'DELETE', '/v1/policy/rules/nope');
      const words = 'deny db-* to stack shop, node-label rack=1, node-label zone=dmz';
      const rule = { event: 'policy', secret: 'db-*', by: 'control' };
      const other = { event: 'policy', by: 'control' };
      assert.deepEqual(auditor.records, [
        { ...rule, detail: `rule ${id} added: ${words}` },
        { ...rule, detail: `rule ${id} is there already: ${words}` },
        { ...other, code: 'policy.invalid', detail: 'POST /v1/policy/rules' },
        { ...other, detail: 'default changed from allow to deny' },
        { ...other, detail: 'default is deny already' },
        { ...rule, detail: `rule ${id} removed: ${words}` },
        { ...other, code: 'policy.not-found', detail: 'DELETE /v1/policy/rules/nope' },
      ]);
    },
    { audit },
  );
});

test('a rule that says less than it seems to is refused', async () => {
  await withPolicy(async (harness) => {
    const refusals: readonly (readonly [unknown, string, RegExp])[] = [
      [{ secret: 'db' }, 'request.invalid', /lacks "effect"/],
      [{ effect: 'permit', secret: 'db' }, 'request.invalid', /effect is allow or deny/],
      [{ effect: 'allow' }, 'request.invalid', /lacks "secret"/],
      [{ effect: 'allow', secret: 'db', services: 'web' }, 'request.invalid', /unknown key "services"/],
      [{ effect: 'allow', secret: 'db', service: '' }, 'request.invalid', /left out, it is any/],
      [{ effect: 'allow', secret: 'db', nodeLabels: ['zone'] }, 'request.invalid', /object of texts/],
      [{ effect: 'allow', secret: 'd b' }, 'policy.invalid', /no secret can be named "d b"/],
    ];
    for (const [body, code, why] of refusals) {
      const reply = await sendJson(harness, 'POST', '/v1/policy/rules', body);
      assert.deepEqual([reply.status, codeOf(reply)], [400, code], JSON.stringify(body));
      assert.match(messageOf(reply), why);
    }
    const set = await sendJson(harness, 'PUT', '/v1/policy/default', { effect: 'Deny' });
    assert.deepEqual([set.status, codeOf(set)], [400, 'request.invalid']);
    assert.deepEqual((await send(harness, 'GET', '/v1/policy')).json, {
      default: 'allow',
      rules: [],
      freshness: 'linearizable',
    });
  });
});

const EU = { id: 'engine1', hostname: 'web-1', labels: { zone: 'eu' } };
const DMZ = { id: 'engine2', hostname: 'web-2', labels: { zone: 'dmz' } };
const use = (service: string, secret: string, over: Partial<SecretUse> = {}): SecretUse => ({
  service: { name: service, labels: {} },
  image: 'redis:8',
  secret,
  nodes: [EU],
  ...over,
});

test('the policy is tried on the services that there are, on each node that they have tasks on', async () => {
  const uses = [
    use('web', 'db'),
    use('web', 'api', { nodes: [EU, DMZ] }),
    use('bare', 'DB', { nodes: [] }),
    use('edge', 'db', { nodes: [DMZ] }),
  ];
  await withPolicy(
    async (harness) => {
      const tried = async (query = ''): Promise<readonly string[]> => {
        const reply = (await send(harness, 'GET', `/v1/policy/test${query}`)).json as PolicyTestReply;
        return reply.results.map(({ because, deniedOn, effect, rule, secret, service }) =>
          [service, secret, effect, because, rule === '' ? '' : 'R', deniedOn.join()].join(' ').trim(),
        );
      };
      assert.deepEqual(await tried(), [
        'bare DB allow default',
        'edge db allow default',
        'web api allow default',
        'web db allow default',
      ]);
      const deny = { effect: 'deny', secret: '*', nodeLabels: { zone: 'dmz' } };
      await sendJson(harness, 'POST', '/v1/policy/rules', deny);
      assert.deepEqual(await tried(), [
        'bare DB deny unknown R',
        'edge db deny rule R',
        'web api deny rule R web-2',
        'web db allow default',
      ]);
      await sendJson(harness, 'POST', '/v1/policy/rules', { effect: 'allow', secret: 'd?', service: 'we*' });
      assert.deepEqual(await tried('?default=deny&service=web'), [
        'web api deny rule R',
        'web db allow rule R',
      ]);
      assert.deepEqual(await tried('?secret=dB&service=edge'), ['edge db deny rule R']);
      assert.deepEqual(await tried('?service=nobody'), []);
      const wrong = await send(harness, 'GET', '/v1/policy/test?default=no');
      assert.deepEqual([wrong.status, codeOf(wrong)], [400, 'request.invalid']);
    },
    { secretUses: async () => uses },
  );
});

test('a daemon whose engine cannot tell which services there are says so', async () => {
  await withPolicy(async (harness) => {
    const reply = await send(harness, 'GET', '/v1/policy/test');
    assert.deepEqual([reply.status, codeOf(reply)], [502, 'engine.unreachable']);
  });
});
