// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatSyslogAddress, parseSyslogAddress, type SyslogAddress } from '../../../src/audit/index.ts';

test('addresses of syslog are those of Docker’s own log driver', () => {
  const cases: readonly (readonly [string, SyslogAddress, string?])[] = [
    ['udp://10.0.0.9', { transport: 'udp', host: '10.0.0.9', port: 514 }, 'udp://10.0.0.9:514'],
    ['tcp://log.example.com:601', { transport: 'tcp', host: 'log.example.com', port: 601 }],
    ['tcp+tls://log_1:6514', { transport: 'tls', host: 'log_1', port: 6514 }],
    ['tcp://[fd00::9]:601', { transport: 'tcp', host: 'fd00::9', port: 601 }],
    ['udp://[::1]', { transport: 'udp', host: '::1', port: 514 }, 'udp://[::1]:514'],
    ['unix:///run/syslog.sock', { transport: 'unix', path: '/run/syslog.sock' }],
  ];
  for (const [text, address, written = text] of cases) {
    assert.deepEqual(parseSyslogAddress(text), address, text);
    assert.equal(formatSyslogAddress(address), written);
  }
});

test('what is no address of syslog is refused with what one is', () => {
  const wrong = [
    '10.0.0.9:514',
    'tcp://',
    'tcp://:514',
    'tcp://host:0',
    'tcp://host:65536',
    'tcp://host:port',
    'tcp://host/path',
    'tcp://user@host',
    'tcp://fd00::9',
    'tls://host',
    'toString://host',
    'unix://run/syslog.sock',
    'unix://',
  ];
  for (const text of wrong) {
    assert.throws(() => parseSyslogAddress(text), {
      code: 'settings.invalid',
      detail: new RegExp(`^is udp://HOST:PORT, .* or unix:///PATH, not "${text}"$`),
    });
  }
  assert.throws(() => parseSyslogAddress('unixgram:///dev/log'), {
    code: 'settings.invalid',
    detail: /^cannot be unixgram:.*tcp:\/\/127\.0\.0\.1:514.*COFFER_AUDIT=stdout/,
  });
});
