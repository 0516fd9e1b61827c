// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSettings } from '../../../src/daemon/index.ts';

test('without any variable, a plain process has the places that Docker’s users know', () => {
  assert.deepEqual(readSettings({}), {
    problem: undefined,
    settings: {
      stateDirectory: '/var/lib/coffer',
      pluginSocket: '/run/docker/plugins/coffer.sock',
      gatewaySocket: '/run/coffer/docker.sock',
      controlSocket: '/run/coffer/control.sock',
      engineSocket: '/var/run/docker.sock',
      driverName: undefined,
      logLevel: 'info',
      stackRotation: true,
      cluster: {
        listen: { host: '0.0.0.0', port: 7373 },
        advertise: undefined,
        join: [],
        joinToken: undefined,
        joinTokenFile: undefined,
        reenrol: false,
      },
      backupDirectory: undefined,
      volumesDirectory: '/run/coffer/volumes',
      cutOffAfter_ms: 86_400_000,
      unlockKeyPlaces: [],
      audit: { sinks: ['file'], size_bytes: 16 * 1024 * 1024, keep: 8, syslog: undefined },
      monitoring: { address: undefined, namesSecrets: false },
      webhook: undefined,
      mode: 'process',
    },
  });
});

test('an empty variable is an absent one, as an engine writes settings that nobody set', () => {
  const empty = { COFFER_DRIVER: '', COFFER_LOG_LEVEL: '  ', COFFER_STATE: '' };
  assert.deepEqual(readSettings(empty), readSettings({}));
});

test('scheduled backups go where it is said, by a whole path', () => {
  const { settings } = readSettings({ COFFER_BACKUP_DIRECTORY: '/mnt/./backups' });
  assert.equal(settings.backupDirectory, '/mnt/backups');
  assert.match(String(readSettings({ COFFER_BACKUP_DIRECTORY: 'backups' }).problem), /is an absolute path/);
});

test('a node that is cut off keeps what it was given for as long as it is said, or for ever', () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ['', 86_400_000],
    ['90m', 5_400_000],
    ['24d', 24 * 86_400_000],
    ['off', undefined],
    ['0', undefined],
    ['0s', undefined],
  ];
  for (const [text, cutOffAfter_ms] of cases) {
    const { settings, problem } = readSettings({ COFFER_CUT_OFF_AFTER: text });
    assert.deepEqual([settings.cutOffAfter_ms, problem], [cutOffAfter_ms, undefined], text);
  }
  for (const text of ['a day', '24', '25d', '-1h']) {
    const { settings, problem } = readSettings({ COFFER_CUT_OFF_AFTER: text });
    assert.match(String(problem), /COFFER_CUT_OFF_AFTER is a duration up to 24d, such as 24h, or off/);
    assert.equal(settings.cutOffAfter_ms, 86_400_000);
  }
});

test('volumes are mounted where it is said, by a whole path', () => {
  assert.equal(
    readSettings({ COFFER_VOLUMES: '/data/./volumes' }).settings.volumesDirectory,
    '/data/volumes',
  );
  assert.match(
    String(readSettings({ COFFER_VOLUMES: 'volumes' }).problem),
    /COFFER_VOLUMES is an absolute path/,
  );
});

test('what is set is taken', () => {
  const { settings, problem } = readSettings({
    COFFER_STATE: '/data/./coffer',
    COFFER_DRIVER: 'registry.example:5000/team/coffer:2',
    COFFER_LOG_LEVEL: 'debug',
    COFFER_STACK_ROTATION: 'off',
    COFFER_LISTEN: '[::1]:9000',
    COFFER_ADVERTISE: 'db1.example',
    COFFER_JOIN: '10.0.0.1, 10.0.0.2:9000,',
    COFFER_JOIN_TOKEN_FILE: '/run/token',
    COFFER_REENROL: 'on',
    COFFER_MODE: 'managed',
  });
  assert.equal(problem, undefined);
  assert.equal(settings.stateDirectory, '/data/coffer');
  assert.equal(settings.driverName, 'registry.example:5000/team/coffer:2');
  assert.equal(settings.logLevel, 'debug');
  assert.equal(settings.stackRotation, false);
  assert.deepEqual(settings.cluster, {
    listen: { host: '::1', port: 9000 },
    advertise: 'db1.example',
    join: ['10.0.0.1:7373', '10.0.0.2:9000'],
    joinToken: undefined,
    joinTokenFile: '/run/token',
    reenrol: true,
  });
  assert.equal(readSettings({ COFFER_LISTEN: 'off' }).settings.cluster.listen, undefined);
  assert.equal(settings.mode, 'managed');
});

test('what is wrong is named, all at once, and the defaults stand in so that the daemon can listen', () => {
  const { settings, problem } = readSettings({
    COFFER_STATE: 'relative/path',
    COFFER_LOG_LEVEL: 'loud',
    COFFER_STACK_ROTATION: 'yes',
    COFFER_DRIVER: 'a driver',
  });
  assert.equal(problem?.code, 'settings.invalid');
  for (const name of ['COFFER_STATE', 'COFFER_LOG_LEVEL', 'COFFER_STACK_ROTATION', 'COFFER_DRIVER']) {
    assert.ok(problem.detail.includes(name), `${name} is not in: ${problem.detail}`);
  }
  assert.deepEqual(settings, readSettings({}).settings);
});

test('the unlock key is looked for where a setting says, and then where systemd puts credentials', () => {
  const { settings, problem } = readSettings({
    COFFER_UNLOCK_KEY_FILE: '/media/stick/key',
    CREDENTIALS_DIRECTORY: '/run/credentials/coffer.service',
  });
  assert.equal(problem, undefined);
  assert.deepEqual(settings.unlockKeyPlaces, [
    { name: 'COFFER_UNLOCK_KEY_FILE', file: '/media/stick/key', isOptional: false },
    {
      name: 'the credential coffer-unlock-key',
      file: '/run/credentials/coffer.service/coffer-unlock-key',
      isOptional: true,
    },
  ]);
  assert.match(String(readSettings({ COFFER_UNLOCK_KEY_FILE: 'key' }).problem), /is an absolute path/);
});

test('the audit log goes where it is said, in files of the size and number that are said', () => {
  const { settings, problem } = readSettings({
    COFFER_AUDIT: 'stdout, file',
    COFFER_AUDIT_SIZE: '1M',
    COFFER_AUDIT_KEEP: '2',
  });
  assert.deepEqual(settings.audit, {
    sinks: ['file', 'stdout'],
    size_bytes: 1024 * 1024,
    keep: 2,
    syslog: undefined,
  });
  assert.equal(problem, undefined);
  assert.deepEqual(readSettings({ COFFER_AUDIT: 'off' }).settings.audit.sinks, []);
  const wrong: readonly (readonly [string, string])[] = [
    ['COFFER_AUDIT', 'journal'],
    ['COFFER_AUDIT', 'file,off'],
    ['COFFER_AUDIT_SIZE', '63k'],
    ['COFFER_AUDIT_SIZE', '2g'],
    ['COFFER_AUDIT_SIZE', 'large'],
    ['COFFER_AUDIT_KEEP', '1'],
    ['COFFER_AUDIT_KEEP', '101'],
  ];
  for (const [name, text] of wrong) {
    assert.match(String(readSettings({ [name]: text }).problem), new RegExp(`${name} is .*not "${text}"`));
  }
});
