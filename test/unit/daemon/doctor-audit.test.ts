// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditChecks } from '../../../src/daemon/doctor-audit.ts';

const WRITTEN = { sinks: ['file'], problems: [], stopsDeliveries: false };

test('the doctor says that records were lost, and how to acknowledge that, until it is', () => {
  const [lost] = auditChecks(WRITTEN, 14);
  assert.equal(lost?.level, 'failure');
  assert.match(lost.message, /record 14 was signed, and was not in it any more/);
  assert.match(lost.mend ?? '', /docker coffer audit verify --acknowledge$/);
  assert.deepEqual(auditChecks(WRITTEN, undefined), [
    { name: 'audit log', level: 'ok', message: 'it is written (file)' },
  ]);
  const [elsewhere] = auditChecks({ ...WRITTEN, sinks: ['stdout'] }, 14);
  assert.equal(elsewhere?.level, 'ok', 'where no file is kept, there is nothing to verify');
});

test('the doctor says first that the log cannot be written, and that nothing is delivered if that is so', () => {
  const problems = ['file: ENOSPC'];
  const levelOf = (stopsDeliveries: boolean): string | undefined =>
    auditChecks({ sinks: ['file', 'stdout'], problems, stopsDeliveries }, 14)[0]?.level;
  assert.deepEqual([levelOf(true), levelOf(false)], ['failure', 'warning']);
});
