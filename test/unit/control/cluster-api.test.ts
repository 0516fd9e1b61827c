// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CofferError, type Logger, silentLogger } from '../../../src/common/index.ts';
import type { ClusterAdmin } from '../../../src/control/index.ts';
import { CLUSTER_NOW_MS, FakeCluster, nodeOf, ROOT_PEM, TOKEN, tokenOf } from '../../support/fake-cluster.ts';
import { waitFor } from '../../support/wait-for.ts';
import {
  codeOf,
  type Harness,
  type Reply,
  refusalOf,
  send,
  sendRaw,
  withControl,
} from './control-harness.ts';

interface ClusterHarness extends Harness {
  readonly cluster: FakeCluster;
}

async function withCluster(
  overrides: Parameters<typeof withControl>[0],
  work: (harness: ClusterHarness) => Promise<void>,
): Promise<void> {
  const cluster = new FakeCluster();
  await withControl({ cluster: () => cluster, ...overrides }, (harness) => work({ ...harness, cluster }));
}

function sendJson(harness: Harness, method: string, target: string, body: unknown): Promise<Reply> {
  return send(harness, method, target, Buffer.from(JSON.stringify(body)), {
    'content-type': 'application/json',
  });
}

/** Every call of the cluster's API, with a body that is right. */
const CALLS = [
  ['GET', '/v1/cluster', undefined],
  ['PUT', '/v1/cluster/certificate-lifetime', { lifetime_ms: 3_600_000 }],
  ['GET', '/v1/nodes', undefined],
  ['GET', '/v1/nodes/two', undefined],
  ['PUT', '/v1/nodes/four/role', { role: 'manager' }],
  ['DELETE', '/v1/nodes/two?force=1', undefined],
  ['GET', '/v1/ca', undefined],
  ['POST', '/v1/ca/rotate', undefined],
  ['GET', '/v1/join-tokens', undefined],
  ['POST', '/v1/join-tokens', { role: 'worker' }],
  ['DELETE', '/v1/join-tokens/tok1', undefined],
  ['GET', '/v1/autolock', undefined],
  ['PUT', '/v1/autolock', { enabled: true }],
  ['POST', '/v1/unlock-key', { rotate: true }],
  ['GET', '/v1/data-key', undefined],
  ['POST', '/v1/data-key/rotate', undefined],
] as const;

async function call(harness: Harness, [method, target, body]: (typeof CALLS)[number]): Promise<Reply> {
  return body === undefined ? send(harness, method, target) : sendJson(harness, method, target, body);
}

test('the cluster describes itself, and takes another lifetime for its certificates', async () => {
  await withCluster({}, async (harness) => {
    harness.cluster.warnings = ['with 2 managers none can be lost'];
    const before = await send(harness, 'GET', '/v1/cluster');
    assert.equal(before.status, 200);
    assert.deepEqual(before.json, {
      id: 'cluster1',
      createdAt_ms: CLUSTER_NOW_MS,
      managers: 3,
      workers: 1,
      voters: 3,
      quorum: 2,
      reachableVoters: 2,
      leader: { id: 'id1', hostname: 'one' },
      certificateLifetime_ms: 7_776_000_000,
      revoked: 1,
      warnings: ['with 2 managers none can be lost'],
    });
    const body = { lifetime_ms: 7_200_000 };
    const after = await sendJson(harness, 'PUT', '/v1/cluster/certificate-lifetime', body);
    assert.equal(after.status, 200);
    assert.equal((after.json as { certificateLifetime_ms: number }).certificateLifetime_ms, 7_200_000);
  });
});

test('nodes are listed, shown, given a role and removed', async () => {
  await withCluster({}, async (harness) => {
    const { cluster } = harness;
    const listed = await send(harness, 'GET', '/v1/nodes');
    assert.deepEqual(listed.json, { nodes: cluster.members });
    const shown = await send(harness, 'GET', '/v1/nodes/id2');
    assert.deepEqual(shown.json, { node: nodeOf('id2', 'two'), warnings: [] });
    const promoted = await sendJson(harness, 'PUT', '/v1/nodes/four/role', { role: 'manager' });
    assert.equal((promoted.json as { node: { role: string } }).node.role, 'manager');
    await sendJson(harness, 'PUT', '/v1/nodes/two/role', { role: 'worker', force: true });
    const removed = await send(harness, 'DELETE', '/v1/nodes/two');
    assert.equal((removed.json as { node: { id: string } }).node.id, 'id2');
    assert.equal((await send(harness, 'DELETE', '/v1/nodes/three?force=1')).status, 200);
    assert.deepEqual(cluster.calls, [
      'setRole four manager',
      'setRole two worker force',
      'remove two',
      'remove three force',
    ]);
    assert.deepEqual(
      cluster.members.map(({ hostname }) => hostname),
      ['one', 'four'],
    );
  });
});

test('the CA is shown with its rotation, and tokens are made, listed and revoked', async () => {
  await withCluster({}, async (harness) => {
    const { cluster } = harness;
    const rotation = { startedAt_ms: 5, nodes: 4, renewed: 1, unreachable: ['three'] };
    cluster.rotations = [undefined, rotation];
    const authority = {
      digest: 'd1',
      certificates: ROOT_PEM + ROOT_PEM,
      notAfter_ms: CLUSTER_NOW_MS + 7_300 * 86_400_000,
    };
    assert.deepEqual((await send(harness, 'GET', '/v1/ca')).json, authority);
    const rotated = await send(harness, 'POST', '/v1/ca/rotate');
    assert.deepEqual([rotated.status, rotated.json], [202, { ...authority, rotation }]);
    const wish = { role: 'manager', ttl_ms: 60_000, uses: 1_000, rotate: false };
    const made = await sendJson(harness, 'POST', '/v1/join-tokens', wish);
    const description = tokenOf('tok2', 'manager', {
      expiresAt_ms: CLUSTER_NOW_MS + 60_000,
      usesLeft: 1_000,
    });
    assert.deepEqual(
      [made.status, made.json],
      [201, { token: TOKEN, description, addresses: ['10.0.0.1:7373', '10.0.0.2:7373'] }],
    );
    const listed = await send(harness, 'GET', '/v1/join-tokens');
    assert.deepEqual(listed.json, { tokens: [tokenOf('tok1', 'worker'), description] });
    const revoked = await send(harness, 'DELETE', '/v1/join-tokens/tok1');
    assert.deepEqual([revoked.status, revoked.json], [200, { id: 'tok1' }]);
    assert.deepEqual(cluster.calls, [
      'rotateAuthority',
      `createToken ${JSON.stringify(wish)}`,
      'revokeToken tok1',
    ]);
  });
});

test('no reply holds more than its fields, whatever the cluster hands out', async () => {
  await withCluster({}, async (harness) => {
    harness.cluster.rotations = [{ startedAt_ms: 5, nodes: 4, renewed: 1, unreachable: [] }];
    for (const one of CALLS) {
      const { status, text } = await call(harness, one);
      assert.ok(status < 300, `${one[0]} ${one[1]}: ${text}`);
      assert.ok(!text.includes('PRIVATE'), text);
      assert.ok(!text.includes('secretHash'), text);
    }
  });
});

test("each route passes on the cluster's refusal, and survives what it did not expect", async () => {
  await withCluster({}, async (harness) => {
    const { cluster } = harness;
    for (const one of CALLS) {
      cluster.refusal = new CofferError('cluster.quorum', 'two of three are away', { hint: 'Start them.' });
      const refused = await call(harness, one);
      assert.equal(refused.status, 409, one[1]);
      assert.deepEqual(refusalOf(refused), {
        code: 'cluster.quorum',
        message: 'two of three are away',
        hint: 'Start them.',
      });
      cluster.refusal = new TypeError('hunter2');
      const broken = await call(harness, one);
      assert.deepEqual([broken.status, codeOf(broken)], [500, 'internal.unexpected'], one[1]);
      assert.ok(!broken.text.includes('hunter2'));
    }
    const lost = await send(harness, 'GET', '/v1/nodes/nobody');
    assert.deepEqual([lost.status, codeOf(lost)], [404, 'cluster.node-not-found']);
  });
});

test('while the node has no cluster to show, every route says why', async () => {
  const reasons = [
    new CofferError('cluster.not-a-manager', 'this node is a worker'),
    new CofferError('cluster.joining', 'this node has not joined yet'),
    new CofferError('store.starting', 'coffer is starting'),
  ];
  for (const reason of reasons) {
    const cluster = (): ClusterAdmin => {
      throw reason;
    };
    await withControl({ cluster }, async (harness) => {
      for (const one of CALLS) {
        const reply = await call(harness, one);
        assert.deepEqual([reply.status, codeOf(reply)], [503, reason.code], one[1]);
      }
    });
  }
  await withControl({}, async (harness) => {
    for (const one of CALLS) {
      const reply = await call(harness, one);
      assert.deepEqual([reply.status, codeOf(reply)], [503, 'store.unavailable'], one[1]);
    }
  });
});

test('a call that comes while the daemon starts waits for the store', async () => {
  const started: string[] = [];
  const fake = new FakeCluster();
  const storeStarted = async (): Promise<void> => {
    started.push('started');
  };
  const cluster = (): ClusterAdmin => {
    if (started.length === 0) {
      throw new CofferError('store.starting', 'coffer is starting');
    }
    return fake;
  };
  await withControl({ cluster, storeStarted }, async (harness) => {
    assert.equal((await send(harness, 'GET', '/v1/nodes')).status, 200);
  });
});

test('a body that is not right is refused with one sentence, and changes nothing', async () => {
  await withCluster({}, async (harness) => {
    const role = '/v1/nodes/two/role';
    const lifetime = '/v1/cluster/certificate-lifetime';
    const tokens = '/v1/join-tokens';
    const cases: readonly (readonly [string, string, unknown, RegExp])[] = [
      ['PUT', role, {}, /^the body lacks "role"$/],
      ['PUT', role, { role: 'leader' }, /^role is manager or worker$/],
      ['PUT', role, { role: 'worker', force: 1 }, /^force is true or false$/],
      ['PUT', role, { role: 'worker', forec: true }, /^unknown key "forec" in the body$/],
      ['PUT', role, [], /^the body lacks "role"$/],
      ['PUT', role, null, /^the body is a JSON object$/],
      ['PUT', lifetime, { lifetime_ms: 0 }, /^lifetime_ms is a whole number/],
      ['PUT', lifetime, { lifetime_ms: 1.5 }, /^lifetime_ms is a whole number/],
      ['PUT', lifetime, { lifetime_ms: '90d' }, /^lifetime_ms is a whole number/],
      ['POST', tokens, { role: 'worker', ttl_ms: 59_999 }, /^ttl_ms is a whole number, 60000/],
      ['POST', tokens, { role: 'worker', ttl_ms: 2_592_000_001 }, /^ttl_ms is /],
      ['POST', tokens, { role: 'worker', uses: 0 }, /^uses is a whole number, 1 to 1000$/],
      ['POST', tokens, { role: 'worker', uses: 1_001 }, /^uses is /],
      ['POST', tokens, { role: 'worker', rotate: 'yes' }, /^rotate is true or false$/],
    ];
    for (const [method, target, body, sentence] of cases) {
      const reply = await sendJson(harness, method, target, body);
      assert.deepEqual([reply.status, codeOf(reply)], [400, 'request.invalid'], JSON.stringify(body));
      assert.match((reply.json as { message: string }).message, sentence);
    }
    const json = { 'content-type': 'application/json; charset=utf-8' };
    const torn = await send(harness, 'PUT', role, Buffer.from('{"role":"wor'), json);
    assert.equal((torn.json as { message: string }).message, 'the body is not JSON');
    const deep = await send(harness, 'PUT', role, Buffer.from('['.repeat(16_000)), json);
    assert.equal(codeOf(deep), 'request.invalid');
    const plain = await send(harness, 'PUT', role, Buffer.from('{"role":"worker"}'));
    assert.equal((plain.json as { message: string }).message, 'the body is JSON');
    const large = await send(harness, 'PUT', role, Buffer.alloc(1_000_000, ' '), json);
    assert.deepEqual([large.status, codeOf(large)], [413, 'request.too-large']);
    assert.deepEqual(harness.cluster.calls, []);
    assert.equal((await send(harness, 'GET', '/v1/nodes')).status, 200);
  });
});

test('queries, methods and references that are not right are refused', async () => {
  await withCluster({}, async (harness) => {
    const cases = [
      ['GET', '/v1/cluster?x=1', 400, 'request.invalid'],
      ['GET', '/v1/nodes?role=manager', 400, 'request.invalid'],
      ['DELETE', '/v1/nodes/two?force=yes', 400, 'request.invalid'],
      ['DELETE', `/v1/nodes/${'x'.repeat(257)}`, 400, 'request.invalid'],
      ['GET', '/v1/nodes/%zz', 400, 'request.invalid'],
      ['PUT', '/v1/nodes', 405, 'request.method'],
      ['GET', '/v1/nodes/two/role', 405, 'request.method'],
      ['GET', '/v1/ca/rotate', 405, 'request.method'],
      ['DELETE', '/v1/join-tokens', 405, 'request.method'],
      ['GET', '/v1/join-tokens/tok1', 405, 'request.method'],
    ] as const;
    for (const [method, target, status, code] of cases) {
      const reply = await send(harness, method, target);
      assert.deepEqual([reply.status, codeOf(reply)], [status, code], `${method} ${target}`);
    }
    assert.deepEqual(harness.cluster.calls, []);
  });
});

test('a role that changes for longer than a connection may be idle still gets its answer', {
  timeout: 20_000,
}, async () => {
  const limits = { idleTimeout_ms: 50, checkInterval_ms: 10 };
  await withCluster({ limits }, async (harness) => {
    const { cluster } = harness;
    let settle = (): void => undefined;
    cluster.settled = new Promise((resolve) => {
      settle = resolve;
    });
    const changed = sendJson(harness, 'PUT', '/v1/nodes/four/role', { role: 'manager' });
    await waitFor(() => cluster.calls.length === 1, { what: 'the change to begin', interval_ms: 5 });
    // Connections that began later have been cut for being idle.
    assert.equal(await sendRaw(harness), '');
    assert.equal(await sendRaw(harness), '');
    settle();
    assert.equal((await changed).status, 200);
  });
});

test('the secret of a token is never logged, also when its making fails', async () => {
  const lines: string[] = [];
  const keep = (sentence: string, fields?: object): void => {
    lines.push(sentence + JSON.stringify(fields ?? {}));
  };
  const logger: Logger = { ...silentLogger, debug: keep, info: keep, warn: keep, error: keep };
  await withCluster({ logger }, async (harness) => {
    await sendJson(harness, 'POST', '/v1/join-tokens', { role: 'worker' });
    await send(harness, 'DELETE', `/v1/join-tokens/${TOKEN}`);
    harness.cluster.refusal = new CofferError('store.timeout', 'no answer in time');
    await sendJson(harness, 'POST', '/v1/join-tokens', { role: 'worker' });
    assert.ok(lines.some((line) => line.includes('store.timeout')));
    assert.ok(!lines.some((line) => line.includes(TOKEN)), lines.join('\n'));
  });
});
