// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HealthFacts, readiness, systemHealth } from '../../../src/monitoring/index.ts';

const LEADER: HealthFacts = {
  version: '1.2.3',
  role: 'leader',
  isInitialized: true,
  isSealed: false,
  reasons: [],
  hasLeader: true,
  clusterId: 'cluster',
  nodeId: 'node',
};
const FOLLOWER: HealthFacts = { ...LEADER, role: 'follower' };
const WORKER: HealthFacts = { ...LEADER, role: 'worker' };
const SEALED: HealthFacts = { ...LEADER, role: undefined, isSealed: true, reasons: ['store.locked'] };
const NEW: HealthFacts = { ...LEADER, role: undefined, isInitialized: false, reasons: ['cluster.joining'] };
const DAMAGED: HealthFacts = { ...LEADER, role: undefined, reasons: ['store.damaged'] };

function statusFor(facts: HealthFacts, query = ''): number {
  return systemHealth(facts, new URLSearchParams(query), 0).status;
}

test('each state has the number that load balancers know from Vault', () => {
  assert.equal(statusFor(LEADER), 200);
  assert.equal(statusFor(FOLLOWER), 429);
  assert.equal(statusFor(WORKER), 429);
  assert.equal(statusFor(NEW), 501);
  assert.equal(statusFor(SEALED), 503);
  assert.equal(statusFor(DAMAGED), 503);
});

test('who asks may choose the numbers, but none for a node that is broken', () => {
  const all = 'activecode=299&standbycode=298&sealedcode=297&uninitcode=296';
  const given = [LEADER, FOLLOWER, SEALED, NEW, DAMAGED].map((facts) => statusFor(facts, all));
  assert.deepEqual(given, [299, 298, 297, 296, 503]);
  for (const yes of ['standbyok', 'standbyok=', 'standbyok=true', 'standbyok=1']) {
    assert.equal(statusFor(FOLLOWER, yes), 200, yes);
  }
  assert.equal(statusFor(FOLLOWER, 'standbyok=true&activecode=250&standbycode=251'), 250);
  for (const no of ['standbyok=false', 'standbyok=0', 'perfstandbyok=true&drsecondarycode=200']) {
    assert.equal(statusFor(FOLLOWER, no), 429, no);
  }
  assert.equal(statusFor(SEALED, 'standbyok=true'), 503);
});

test('a number that is no status, a word that is no answer and a parameter that nobody knows are refused', () => {
  const wrong = [
    'standbycode=199',
    'standbycode=600',
    'sealedcode=',
    'activecode=2e2',
    'uninitcode=0x200',
    'activecode=-200',
    'standbyok=yes',
    'standbycod=200',
    'activecode=200&activecode=201',
  ];
  for (const query of wrong) {
    assert.throws(() => statusFor(LEADER, query), { code: 'request.invalid' }, query);
  }
});

test('the answer has the keys of Vault, and why nothing is served', () => {
  const { body } = systemHealth(SEALED, new URLSearchParams(), 1_700_000_000_999);
  assert.deepEqual(body, {
    initialized: true,
    sealed: true,
    standby: true,
    performance_standby: false,
    replication_performance_mode: 'disabled',
    replication_dr_mode: 'disabled',
    server_time_utc: 1_700_000_000,
    version: '1.2.3',
    cluster_name: 'coffer',
    cluster_id: 'cluster',
    node_id: 'node',
    role: undefined,
    reasons: ['store.locked'],
  });
});

test('who gives secrets is ready, also without a leader', () => {
  assert.deepEqual(readiness({ ...FOLLOWER, hasLeader: false }), {
    status: 200,
    body: { ready: true, role: 'follower', has_leader: false, reasons: [] },
  });
  assert.deepEqual(readiness(DAMAGED), {
    status: 503,
    body: { ready: false, role: undefined, has_leader: true, reasons: ['store.damaged'] },
  });
});
