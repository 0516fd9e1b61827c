// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expiryChecks } from '../../../src/daemon/doctor-expiry.ts';
import type { Secret } from '../../../src/secrets/index.ts';

const NOW_MS = Date.UTC(2027, 0, 1);

function secretUntil(name: string, expires: string): Secret {
  return {
    id: name.padEnd(25, 'x'),
    name,
    labels: { 'coffer.expires': expires },
    origin: 'control',
    pending: false,
    engine: undefined,
    versions: [{ number: 1, createdAt_ms: NOW_MS, size: 1 }],
    destroyed: [],
    createdAt_ms: NOW_MS,
    updatedAt_ms: NOW_MS,
    modifiedIndex: 1,
  };
}

test('nothing is said of values that are good for more than two weeks', () => {
  assert.deepEqual(expiryChecks([secretUntil('a', '2027-01-16'), secretUntil('b', '15d')], NOW_MS), []);
});

test('what has expired is a failure, what is about to a warning, the nearest first, with what to type', () => {
  const secrets = [
    secretUntil('late', '2027-01-14'),
    secretUntil('old', '2026-12-01'),
    secretUntil('edge', '2027-01-15'),
    secretUntil('gone', '2027-01-01'),
  ];
  assert.deepEqual(expiryChecks(secrets, NOW_MS), [
    {
      name: 'expiry',
      level: 'failure',
      message: '2 secrets whose value has expired: old (2026-12-01), gone (2027-01-01)',
      mend: 'Store a new value, and have the services take it up: docker coffer rotate old -',
    },
    {
      name: 'expiry',
      level: 'warning',
      message: '2 secrets whose value expires within two weeks: late (2027-01-14), edge (2027-01-15)',
      mend: 'Store a new value, and have the services take it up: docker coffer rotate late -',
    },
  ]);
});
