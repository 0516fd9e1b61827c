// SPDX-License-Identifier: Apache-2.0
// Secrets that nobody needs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CofferError, silentLogger } from '../../../src/common/index.ts';
import { Canaries } from '../../../src/daemon/canaries.ts';
import { canaryChecks } from '../../../src/daemon/doctor-canaries.ts';
import type { Notice } from '../../../src/notices/index.ts';
import { checkLabels, type Secret } from '../../../src/secrets/index.ts';
import { RecordingAudit } from '../../support/recording-audit.ts';

function secretNamed(name: string, labels: Readonly<Record<string, string>>): Secret {
  return {
    id: name.padEnd(25, 'x'),
    name,
    labels,
    origin: 'control',
    pending: false,
    engine: undefined,
    versions: [{ number: 1, createdAt_ms: 1, size: 1 }],
    destroyed: [],
    createdAt_ms: 1,
    updatedAt_ms: 1,
    modifiedIndex: 1,
  };
}

const SECRETS = [secretNamed('trap', { 'coffer.canary': 'true' }), secretNamed('db', { env: 'prod' })];

function room(): {
  readonly audit: RecordingAudit;
  readonly canaries: Canaries;
  readonly notices: readonly Notice[];
} {
  const notices: Notice[] = [];
  const audit = new RecordingAudit();
  const canaries = new Canaries({
    record: (event, fields) => audit.record(event, fields),
    notify: (notice) => notices.push(notice),
    nodeId: () => 'node',
    now_ms: () => Date.UTC(2027, 0, 1),
    logger: silentLogger,
  });
  canaries.findBy((name) => SECRETS.find((secret) => secret.name === name));
  return { audit, canaries, notices };
}

test('a use of a canary is recorded once more, with who it was, and counted by the way', () => {
  const { audit, canaries, notices } = room();
  canaries.look('deliver', { secret: 'trap', version: 1, service: 'web', task: 't', to: 'n', by: 'engine' });
  canaries.look('refuse', { secret: 'trap', by: 'engine', code: 'policy.denied' });
  canaries.look('deliver', { secret: 'trap', version: 1, to: 'n', by: 'volume' });
  canaries.look('reveal', { secret: 'trap', version: 1, by: 'control' });
  assert.deepEqual(audit.records, [
    {
      event: 'canary',
      secret: 'trap',
      version: 1,
      service: 'web',
      task: 't',
      to: 'n',
      by: 'engine',
      detail: 'deliver',
    },
    { event: 'canary', secret: 'trap', by: 'engine', code: 'policy.denied', detail: 'refuse' },
    { event: 'canary', secret: 'trap', version: 1, to: 'n', by: 'volume', detail: 'deliver' },
    { event: 'canary', secret: 'trap', version: 1, by: 'control', detail: 'reveal' },
  ]);
  assert.equal(notices.length, 4);
  assert.deepEqual(JSON.parse(JSON.stringify(notices[0])), {
    event: 'canary',
    at: '2027-01-01T00:00:00.000Z',
    node: 'node',
    secret: 'trap',
    facts: { use: 'deliver', by: 'engine', version: 1, service: 'web', task: 't', to: 'n' },
  });
  const counted = canaries.family().samples.map(({ labels, value }) => [labels?.['by'], value]);
  assert.deepEqual(counted, [
    ['engine', 2],
    ['volume', 1],
    ['control', 1],
  ]);
  assert.deepEqual(canaryChecks(canaries.seen), [
    {
      name: 'canary',
      level: 'failure',
      message:
        'the canary trap was revealed at 2027-01-01T00:00:00.000Z (4 uses of canaries since the start)',
      mend: 'Find out who has used it: docker coffer audit --event canary',
    },
  ]);
});

test('other secrets, secrets that are not there, and changes of a canary are no use of one', () => {
  const { audit, canaries } = room();
  canaries.look('deliver', { secret: 'db', by: 'engine' });
  canaries.look('refuse', { secret: 'none', by: 'engine' });
  canaries.look('put', { secret: 'trap', by: 'control' });
  canaries.look('canary', { secret: 'trap', by: 'control' });
  canaries.look('backup', { by: 'control' });
  canaries.findBy(() => {
    throw new CofferError('store.closed', 'the store is closed');
  });
  canaries.look('deliver', { secret: 'trap', by: 'engine' });
  assert.deepEqual(audit.records, []);
  assert.deepEqual(canaryChecks(canaries.seen), []);
});

test('the label is true, or it is not there', () => {
  checkLabels({ 'coffer.canary': 'true' });
  for (const wrong of ['', 'false', 'yes', 'TRUE', 'refuse']) {
    assert.throws(() => checkLabels({ 'coffer.canary': wrong }), {
      code: 'secret.label-invalid',
      message: /label coffer\.canary is true, or is not there, and not "/,
    });
  }
});
