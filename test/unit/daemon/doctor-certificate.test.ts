// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { authorityChecks, certificateChecks } from '../../../src/daemon/doctor-certificate.ts';

const certificate = { notBefore_ms: 1_000_000, notAfter_ms: 2_000_000 };

test('doctor says nothing of a certificate that is valid, or of a node that has none', () => {
  assert.deepEqual(certificateChecks({ role: 'manager', certificate }, 1_500_000), []);
  assert.deepEqual(certificateChecks({ role: undefined, certificate: undefined }, 1_500_000), []);
});

for (const { what, role, now_ms, level, message, mend } of [
  {
    what: 'a clock that is before the certificate of a manager',
    role: 'manager',
    now_ms: 999_999,
    level: 'failure',
    message: /clock of this machine says 1970-01-01T00:16:39\.999Z.*begins at 1970-01-01T00:16:40/,
    mend: /Set the clock/,
  },
  {
    what: 'an expired certificate of a worker, which has to join again',
    role: 'worker',
    now_ms: 2_000_000,
    level: 'failure',
    message: /has expired at .*no manager answers/,
    mend: /COFFER_JOIN_TOKEN to a new token/,
  },
  {
    what: 'an expired certificate of a manager, which mends itself',
    role: 'manager',
    now_ms: 2_000_000,
    level: 'warning',
    message: /makes itself another/,
    mend: /nothing is to be done/,
  },
] as const) {
  test(`doctor tells of ${what}`, () => {
    const [check, ...others] = certificateChecks({ role, certificate }, now_ms);
    assert.equal(others.length, 0);
    assert.equal(check?.level, level);
    assert.match(check?.message ?? '', message);
    assert.match(check?.mend ?? '', mend);
  });
}

test('doctor tells of a CA that expires within a year, and of one that has', () => {
  const notAfter_ms = Date.UTC(2040, 0, 1);
  const at = (now_ms: number): string =>
    authorityChecks({ notAfter_ms }, now_ms)
      .map(({ level, message, mend }) => `${level}: ${message} (${mend})`)
      .join();
  assert.equal(at(Date.UTC(2038, 0, 1)), '');
  assert.match(at(Date.UTC(2039, 11, 1)), /^warning: .* expires in 31 days.*ca --rotate/);
  assert.match(at(notAfter_ms), /^failure: .* has expired at 2040-01-01.*set it back on all nodes/);
});
