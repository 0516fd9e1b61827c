// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import type { EngineSecret, EngineService } from '../../../src/engine/index.ts';
import { planImport, successorOf } from '../../../src/import/plan.ts';

function secret(name: string, more: Partial<EngineSecret> = {}): EngineSecret {
  const whole = { driver: undefined, labels: {}, createdAt: '', versionIndex: 1 };
  return { id: `id-${name}`, name, ...whole, ...more };
}

function service(name: string, ...secrets: readonly string[]): EngineService {
  const labels = { 'com.docker.stack.namespace': 'shop' };
  const references = secrets.map((used) => ({ id: `id-${used}`, name: used }));
  return { id: `id-${name}`, name, labels, image: 'i', mounts: [], secrets: references };
}

const FACTS = {
  secrets: [
    secret('web_key', { labels: { 'com.docker.stack.namespace': 'shop' } }),
    secret('db'),
    secret('driven', { driver: 'coffer' }),
    secret('other', { driver: 'vault:latest' }),
    secret('filled', { isTemplate: true }),
    secret('old-coffer', { driver: 'coffer' }),
  ],
  services: [service('web', 'web_key', 'db'), service('api', 'db')],
  isStored: (name: string) => name === 'db',
};

test('all that the swarm has in its own store is planned, with whoever uses it', () => {
  const told = planImport(FACTS, []).map(({ told: one }) => one);
  assert.deepEqual(
    told.map(({ name, note, services, stack, state, stored }) => ({
      [name]: [state, stored, services.map((user) => user.name).join(' '), stack ?? '', note ?? ''],
    })),
    [
      { db: ['waiting', true, 'api web', '', ''] },
      { filled: ['left-out', false, '', '', 'it is a template, which a task finds filled in'] },
      { web_key: ['waiting', false, 'web', 'shop', ''] },
    ],
  );
});

const NAMED: readonly (readonly [names: readonly string[], told: readonly string[]])[] = [
  [['db'], ['db waiting']],
  [['DB', 'db'], ['db waiting']],
  [['driven'], ['driven left-out: its value is with the driver coffer, not with the swarm']],
  [
    ['other', 'db'],
    ['db waiting', 'other left-out: its value is with the driver vault:latest, not with the swarm'],
  ],
  [['old'], ['old-coffer left-out: its value is with the driver coffer, not with the swarm']],
];

for (const [names, expected] of NAMED) {
  test(`of ${names.join(', ')}, what is named is planned, once`, () => {
    const told = planImport(FACTS, names).map(({ told: one }) => one);
    assert.deepEqual(
      told.map(({ name, note, state }) => `${name} ${state}${note === undefined ? '' : `: ${note}`}`),
      expected,
    );
  });
}

test('a name that the swarm does not have is refused', () => {
  assert.throws(
    () => planImport(FACTS, ['db', 'Nosuch']),
    (error) => error instanceof CofferError && error.message.includes('the swarm has no secret Nosuch'),
  );
});

test('the name of a successor is one that a swarm takes, however long the first is', () => {
  assert.equal(successorOf('db'), 'db-coffer');
  assert.equal(successorOf('x'.repeat(64)), `${'x'.repeat(57)}-coffer`);
});
