// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gauge, type Monitored } from '../../../src/monitoring/index.ts';
import { withCli } from '../cli/cli-harness.ts';
import { codeOf, send, withControl } from './control-harness.ts';

const MONITORED: Monitored = {
  metrics: async () => [gauge('coffer_up', 'Up', 1)],
  health: () => ({
    version: '1',
    role: 'follower',
    isInitialized: true,
    isSealed: false,
    reasons: ['audit.unavailable'],
    hasLeader: true,
    clusterId: 'c',
    nodeId: 'n',
  }),
  now_ms: () => 0,
};

test('the control socket answers monitors as their port does', async () => {
  await withControl({ monitored: MONITORED }, async (harness) => {
    const ready = await send(harness, 'GET', '/readyz');
    assert.equal(ready.status, 503);
    assert.deepEqual((ready.json as { reasons: unknown }).reasons, ['audit.unavailable']);
    assert.equal((await send(harness, 'GET', '/v1/sys/health')).status, 503);
    const wrong = await send(harness, 'GET', '/v1/sys/health?activecode=1');
    assert.deepEqual([wrong.status, codeOf(wrong)], [400, 'request.invalid']);
    assert.equal((await send(harness, 'POST', '/metrics')).status, 405);
  });
});

test('coffer metrics prints what Prometheus would read', async () => {
  await withCli({ monitored: MONITORED }, async ({ cli }) => {
    const { code, stdout } = await cli(['metrics']);
    assert.equal(code, 0);
    assert.equal(stdout, '# HELP coffer_up Up\n# TYPE coffer_up gauge\ncoffer_up 1\n');
  });
  await withCli({}, async ({ cli }) => {
    const { code, stderr, stdout } = await cli(['metrics']);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /^coffer: this daemon is not watched$/m);
  });
});
