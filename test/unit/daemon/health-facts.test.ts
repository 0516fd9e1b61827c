// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CofferError, type ErrorCode } from '../../../src/common/index.ts';
import { healthFacts, type HealthSources } from '../../../src/daemon/monitoring/health-facts.ts';
import { readiness, systemHealth } from '../../../src/monitoring/index.ts';

/** A manager, with the log id 1, that leads a cluster of its own. */
function managerThat({ leader = 1, voters = [1] } = {}): HealthSources['store'] {
  const replica = { leader, identity: { raftId: 1 }, state: { confState: { voters } } };
  return { replica } as unknown as HealthSources['store'];
}

function sources(differing: Partial<HealthSources> = {}): HealthSources {
  return {
    version: '1',
    keeper: { reason: undefined },
    store: managerThat(),
    place: { nodeId: 'n', role: 'manager' },
    clusterId: 'c',
    knowsLeader: true,
    isConnected: true,
    auditProblem: undefined,
    ...differing,
  };
}

function refusing(code: ErrorCode): Partial<HealthSources> {
  return { keeper: { reason: new CofferError(code, 'so it is') }, store: undefined };
}

/** The role, whether it is ready and why not, and the number of `/v1/sys/health`. */
function seen(differing: Partial<HealthSources>): readonly unknown[] {
  const facts = healthFacts(sources(differing));
  const { status } = systemHealth(facts, new URLSearchParams(), 0);
  return [facts.role, readiness(facts).status, facts.reasons, status];
}

test('a manager that leads or follows is ready, without a leader too', () => {
  assert.deepEqual(seen({}), ['leader', 200, [], 200]);
  assert.deepEqual(seen({ store: managerThat({ leader: 2, voters: [1, 2, 3] }) }), [
    'follower',
    200,
    [],
    429,
  ]);
  const without = { store: managerThat({ leader: 0, voters: [1, 2, 3] }) };
  assert.deepEqual(seen(without), ['follower', 200, [], 429]);
  assert.equal(healthFacts(sources(without)).hasLeader, false);
});

test('a manager that has joined and copies is not ready', () => {
  const joining = { store: managerThat({ leader: 2, voters: [] }) };
  assert.deepEqual(seen(joining), ['follower', 503, ['cluster.joining'], 503]);
});

test('a manager that cannot write down what it gives is not ready', () => {
  assert.deepEqual(seen({ auditProblem: 'audit.unavailable' }), ['leader', 503, ['audit.unavailable'], 503]);
});

test('a store that does not serve is told by its code', () => {
  assert.deepEqual(seen(refusing('store.locked')), [undefined, 503, ['store.locked'], 503]);
  assert.equal(healthFacts(sources(refusing('store.locked'))).isSealed, true);
  assert.deepEqual(seen(refusing('store.damaged')), [undefined, 503, ['store.damaged'], 503]);
  assert.deepEqual(seen(refusing('settings.invalid')), [undefined, 503, ['settings.invalid'], 503]);
});

test('a node that has joined nothing yet is not initialised', () => {
  const fresh = { ...refusing('cluster.joining'), place: { nodeId: undefined, role: undefined } };
  assert.deepEqual(seen(fresh), [undefined, 503, ['cluster.joining'], 501]);
});

test('a worker is well while it is connected to the leader', () => {
  const worker = { ...refusing('cluster.not-a-manager'), place: { nodeId: 'n', role: 'worker' as const } };
  assert.deepEqual(seen(worker), ['worker', 200, [], 429]);
  assert.deepEqual(seen({ ...worker, isConnected: false }), ['worker', 503, ['transport.unreachable'], 503]);
});
