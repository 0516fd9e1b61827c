// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSettings } from '../../../src/daemon/index.ts';

const SYSLOG = { COFFER_AUDIT: 'file,syslog', COFFER_AUDIT_SYSLOG: 'tcp+tls://log.example.com:6514' };

test('the audit log goes to syslog where it is said, beside its files or alone', () => {
  const { problem, settings } = readSettings(SYSLOG);
  assert.equal(problem, undefined);
  assert.deepEqual(settings.audit.sinks, ['file', 'syslog']);
  assert.deepEqual(settings.audit.syslog, {
    address: { transport: 'tls', host: 'log.example.com', port: 6514 },
    facility: 'authpriv',
    caFile: undefined,
  });
  const more = readSettings({
    ...SYSLOG,
    COFFER_AUDIT: 'syslog',
    COFFER_AUDIT_SYSLOG_FACILITY: 'local3',
    COFFER_AUDIT_SYSLOG_CA: '/etc/coffer/syslog-ca.pem',
  });
  assert.equal(more.problem, undefined);
  assert.deepEqual(more.settings.audit.sinks, ['syslog']);
  assert.equal(more.settings.audit.syslog?.facility, 'local3');
  assert.equal(more.settings.audit.syslog?.caFile, '/etc/coffer/syslog-ca.pem');
});

test('settings of syslog that cannot be meant are refused with what to type', () => {
  const wrong: readonly (readonly [Readonly<Record<string, string>>, RegExp])[] = [
    [
      { COFFER_AUDIT_SYSLOG: '' },
      /COFFER_AUDIT names syslog, and COFFER_AUDIT_SYSLOG is not set.*tcp:\/\/HOST:514/,
    ],
    [{ COFFER_AUDIT: 'file' }, /COFFER_AUDIT_SYSLOG is for COFFER_AUDIT=syslog or file,syslog/],
    [{ COFFER_AUDIT_SYSLOG: 'log.example.com' }, /COFFER_AUDIT_SYSLOG is udp:.*not "log\.example\.com"/],
    [{ COFFER_AUDIT_SYSLOG: 'unixgram:///dev/log' }, /COFFER_AUDIT_SYSLOG cannot be unixgram:/],
    [{ COFFER_AUDIT_SYSLOG_FACILITY: 'secret' }, /COFFER_AUDIT_SYSLOG_FACILITY is a facility.*not "secret"/],
    [{ COFFER_AUDIT_SYSLOG_CA: 'ca.pem' }, /COFFER_AUDIT_SYSLOG_CA is an absolute path, not "ca\.pem"/],
    [
      { COFFER_AUDIT_SYSLOG: 'tcp://10.0.0.9', COFFER_AUDIT_SYSLOG_CA: '/ca.pem' },
      /COFFER_AUDIT_SYSLOG_CA is for tcp\+tls:\/\/HOST:PORT alone/,
    ],
  ];
  for (const [settings, sentence] of wrong) {
    const { problem } = readSettings({ ...SYSLOG, ...settings });
    assert.equal(problem?.code, 'settings.invalid');
    assert.match(problem.detail, sentence);
    assert.ok(!problem.detail.includes(';'), 'one sentence alone');
  }
});
