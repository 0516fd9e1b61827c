// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { formatDuration, parseDuration_ms } from '../../../src/common/index.ts';
import { humanValidity } from '../../../src/cli/text.ts';
import { assertProperty } from '../../support/property.ts';

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];

test('a duration is read as docker reads it, and in days', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['90m', 90 * minute],
    ['1h30m', 90 * minute],
    ['1.5h', 90 * minute],
    ['720h', 30 * day],
    ['30d', 30 * day],
    ['1d12h', 36 * hour],
    ['2h45m30s', 2 * hour + 45 * minute + 30_000],
    ['1m1ms', minute + 1],
    ['0s', 0],
  ];
  for (const [text, duration_ms] of cases) {
    assert.equal(parseDuration_ms(text), duration_ms, text);
  }
});

test('what is no duration is not guessed at', () => {
  const wrong = [
    '',
    '90',
    'h',
    '-1h',
    '+1h',
    '1 h',
    '1H',
    '1w',
    '1h30',
    '.5h',
    '1.h',
    '0.5ms',
    '1e3s',
    '1h ',
    '∞d',
  ];
  for (const text of [...wrong, '9'.repeat(15).concat('d'), '1h'.repeat(60)]) {
    assert.equal(parseDuration_ms(text), undefined, text);
  }
});

test('what is written is read again as the same duration', (t) => {
  assert.deepEqual([0, 1, 90 * minute, 36 * hour, 90 * day].map(formatDuration), [
    '0s',
    '1ms',
    '1h30m',
    '1d12h',
    '90d',
  ]);
  const durations = fc.property(fc.nat(Number.MAX_SAFE_INTEGER), (duration_ms) => {
    assert.equal(parseDuration_ms(formatDuration(duration_ms)), duration_ms);
  });
  assertProperty(t, 500, durations);
});

test('a validity is told from both sides of its end', () => {
  assert.equal(humanValidity(90 * day, 0), 'expires in 3 months');
  assert.equal(humanValidity(1, 0), 'expires in less than a second');
  assert.equal(humanValidity(0, 0), 'expired less than a second ago');
  assert.equal(humanValidity(0, 3 * hour), 'expired 3 hours ago');
});
