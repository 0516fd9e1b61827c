// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { BACKDATE_MS, nextRenewal } from '../../../src/pki/index.ts';
import { assertProperty } from '../../support/property.ts';
import { DAY_MS, NOW_MS } from './pki-harness.ts';

const LIFETIME_LIMIT_MS = 100 * 365 * DAY_MS;

describe('the next renewal', () => {
  test('lies between half and four fifths of the life, and never in the past', (t) => {
    const times = fc.record({
      issued_ms: fc.integer({ min: 0, max: 4_000_000_000_000 }),
      lifetime_ms: fc.integer({ min: 1, max: LIFETIME_LIMIT_MS }),
      passed: fc.double({ min: -1, max: 2, noNaN: true }),
      random: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    assertProperty(
      t,
      2_000,
      fc.property(times, ({ issued_ms, lifetime_ms, passed, random }) => {
        const now_ms = Math.round(issued_ms + lifetime_ms * passed);
        const validity = { notBefore_ms: issued_ms - BACKDATE_MS, notAfter_ms: issued_ms + lifetime_ms };
        const renewal_ms = nextRenewal({ ...validity, now_ms, random: () => random });
        const [earliest_ms, latest_ms] = [0.5, 0.8].map((part) => issued_ms + lifetime_ms * part);
        assert.ok(earliest_ms !== undefined && latest_ms !== undefined);
        assert.ok(renewal_ms >= now_ms && renewal_ms >= Math.floor(earliest_ms));
        assert.ok(renewal_ms <= Math.max(now_ms, Math.ceil(latest_ms)));
      }),
    );
  });

  test('spreads over the whole of that', () => {
    const times = { notBefore_ms: NOW_MS - BACKDATE_MS, notAfter_ms: NOW_MS + 100 * DAY_MS, now_ms: NOW_MS };
    const days = [0, 0.5, 1].map(
      (value) => (nextRenewal({ ...times, random: () => value }) - NOW_MS) / DAY_MS,
    );
    assert.deepEqual(days, [50, 65, 80]);
  });
});
