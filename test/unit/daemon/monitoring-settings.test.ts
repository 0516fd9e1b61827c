// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSettings } from '../../../src/daemon/index.ts';

test('monitors are answered where it is said, and nowhere by default', () => {
  const addressFor = (text: string): unknown => {
    const { problem, settings } = readSettings({ COFFER_METRICS_ADDRESS: text });
    assert.equal(problem, undefined, text);
    return settings.monitoring.address;
  };
  assert.equal(readSettings({}).settings.monitoring.address, undefined);
  assert.equal(addressFor('off'), undefined);
  assert.deepEqual(addressFor('127.0.0.1:7374'), { host: '127.0.0.1', port: 7374 });
  assert.deepEqual(addressFor('0.0.0.0:9100'), { host: '0.0.0.0', port: 9100 });
  assert.deepEqual(addressFor('[::1]:7374'), { host: '::1', port: 7374 });
  assert.deepEqual(addressFor('monitoring.internal:80'), { host: 'monitoring.internal', port: 80 });
});

test('the metrics name secrets only if that is said', () => {
  assert.equal(readSettings({}).settings.monitoring.namesSecrets, false);
  assert.equal(readSettings({ COFFER_METRICS_SECRETS: 'on' }).settings.monitoring.namesSecrets, true);
});

test('settings for monitors that cannot be meant are refused with what to type', () => {
  for (const text of [
    '7374',
    'on',
    '127.0.0.1',
    ':7374',
    '127.0.0.1:70000',
    '::1:7374',
    'a b:1',
    '-:1',
    '[x]:1',
  ]) {
    const { problem, settings } = readSettings({ COFFER_METRICS_ADDRESS: text });
    assert.equal(problem?.code, 'settings.invalid', text);
    assert.match(
      problem.detail,
      /COFFER_METRICS_ADDRESS is HOST:PORT, such as 127\.0\.0\.1:7374, or off, not "/,
    );
    assert.equal(settings.monitoring.address, undefined);
  }
  const { problem } = readSettings({ COFFER_METRICS_SECRETS: 'yes' });
  assert.match(problem?.detail ?? '', /COFFER_METRICS_SECRETS is one of on, off, not "yes"/);
});
