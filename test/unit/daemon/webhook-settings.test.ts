// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSettings } from '../../../src/daemon/index.ts';

const TOKEN = { COFFER_WEBHOOK_TOKEN_FILE: '/run/secrets/hook' };

test('notices are sent where it is said, by TLS or within this machine', () => {
  assert.equal(readSettings({}).settings.webhook, undefined);
  const good = [
    'https://hooks.example.com/a?b=c',
    'https://10.0.0.9:8443/',
    'http://127.0.0.1:9000/x',
    'http://localhost/',
    'http://[::1]:1/',
  ];
  for (const text of good) {
    const { problem, settings } = readSettings({ ...TOKEN, COFFER_WEBHOOK_URL: text });
    assert.equal(problem, undefined, text);
    assert.deepEqual([settings.webhook?.url.href, settings.webhook?.tokenFile], [text, '/run/secrets/hook']);
  }
});

test('an address that is not for secrets, or has some itself, is refused, and not repeated', () => {
  const bad = [
    'http://hooks.example.com/',
    'http://127.0.0.1.example.com/',
    'ftp://127.0.0.1/',
    'hooks',
    'https://user:hunter2@h/',
  ];
  for (const text of bad) {
    const { problem, settings } = readSettings({ ...TOKEN, COFFER_WEBHOOK_URL: text });
    assert.equal(problem?.code, 'settings.invalid', text);
    assert.match(problem.detail, /^COFFER_WEBHOOK_URL is https:\/\/HOST\/PATH, or http:\/\/ to this machine/);
    assert.ok(!problem.message.includes('hunter2'));
    assert.equal(settings.webhook, undefined);
  }
});

test('nothing is sent unsigned', () => {
  const url = { COFFER_WEBHOOK_URL: 'https://hooks.example.com/' };
  assert.match(
    readSettings(url).problem?.detail ?? '',
    /COFFER_WEBHOOK_TOKEN_FILE is the absolute path of a file/,
  );
  const relative = readSettings({ ...url, COFFER_WEBHOOK_TOKEN_FILE: 'token' });
  assert.match(relative.problem?.detail ?? '', /COFFER_WEBHOOK_TOKEN_FILE is the absolute path/);
  assert.match(
    readSettings(TOKEN).problem?.detail ?? '',
    /COFFER_WEBHOOK_TOKEN_FILE is for COFFER_WEBHOOK_URL/,
  );
});
