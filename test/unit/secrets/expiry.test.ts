// SPDX-License-Identifier: Apache-2.0
// Until when the value of a secret is good.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkLabels, expiresAt_ms, type Secret, type SecretVersion } from '../../../src/secrets/index.ts';

const DAY_MS = 86_400_000;
const MADE_MS = Date.UTC(2026, 5, 1, 12);

function secretWith(expires: string | undefined, versions?: readonly SecretVersion[]): Secret {
  return {
    id: 'x'.repeat(25),
    name: 'db',
    labels: expires === undefined ? {} : { 'coffer.expires': expires },
    origin: 'control',
    pending: false,
    engine: undefined,
    versions: versions ?? [{ number: 1, createdAt_ms: MADE_MS, size: 1 }],
    destroyed: [],
    createdAt_ms: MADE_MS,
    updatedAt_ms: MADE_MS,
    modifiedIndex: 1,
  };
}

describe('until when a value is good', () => {
  test('is a day, a time, or a duration from the current version on', () => {
    assert.equal(expiresAt_ms(secretWith(undefined)), undefined);
    assert.equal(expiresAt_ms(secretWith('2027-01-31')), Date.UTC(2027, 0, 31));
    assert.equal(expiresAt_ms(secretWith('2028-02-29')), Date.UTC(2028, 1, 29));
    assert.equal(expiresAt_ms(secretWith('2027-01-31T12:30:05Z')), Date.UTC(2027, 0, 31, 12, 30, 5));
    assert.equal(expiresAt_ms(secretWith('90d')), MADE_MS + 90 * DAY_MS);
    const renewed = [
      { number: 1, createdAt_ms: MADE_MS, size: 1 },
      { number: 2, createdAt_ms: MADE_MS + DAY_MS, size: 1 },
    ];
    assert.equal(expiresAt_ms(secretWith('1h', renewed)), MADE_MS + DAY_MS + 3_600_000);
  });

  test('does not begin anew for a value that was put back', () => {
    const back = [
      { number: 1, createdAt_ms: MADE_MS, size: 1 },
      { number: 2, createdAt_ms: MADE_MS + DAY_MS, size: 1 },
      { number: 3, createdAt_ms: MADE_MS + 2 * DAY_MS, size: 1, copyOf: 1 },
    ];
    assert.equal(expiresAt_ms(secretWith('10d', back)), MADE_MS + 10 * DAY_MS);
    assert.equal(
      expiresAt_ms(secretWith('10d', back.slice(1))),
      MADE_MS + 12 * DAY_MS,
      'nobody knows any more',
    );
  });

  for (const wrong of [
    '',
    'soon',
    '90',
    '30m',
    '3651d',
    '-1d',
    '2027-02-30',
    '2027-13-01',
    '2027-1-1',
    '27-01-01',
    '2027-01-01T25:00:00Z',
    '2027-01-01T00:00:00+02:00',
    '2027-01-01 00:00',
  ]) {
    test(`is not ${JSON.stringify(wrong)}`, () => {
      const set = (): void => checkLabels({ 'coffer.expires': wrong });
      assert.throws(set, {
        code: 'secret.label-invalid',
        message: /coffer\.expires is a date such as 2027-01-31/,
      });
    });
  }
});
