// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { type RotationFacts, secretRotationChecks } from '../../../src/daemon/doctor-rotations.ts';
import type { Secret } from '../../../src/secrets/index.ts';
import { aRotatedService, aRotation, DAY_MS, HOUR_MS } from '../../support/cluster-objects.ts';

const NOW_MS = 1_000 * DAY_MS;
const MINUTE_MS = 60_000;

function secret(name: string, age_ms: number): Secret {
  const createdAt_ms = NOW_MS - age_ms;
  return {
    id: `id-${name}`,
    name,
    labels: { 'coffer.rotate': '1h', 'coffer.generate': 'uuid' },
    origin: 'control',
    pending: false,
    engine: undefined,
    versions: [{ number: 1, createdAt_ms, size: 1 }],
    destroyed: [],
    createdAt_ms,
    updatedAt_ms: createdAt_ms,
    modifiedIndex: 1,
  };
}

const facts = (over: Partial<RotationFacts> = {}): RotationFacts => ({
  secrets: [],
  rotations: [],
  refused: [],
  leader: 'one',
  ...over,
});

const held = (minutes: number, over: Parameters<typeof aRotation>[1] = {}): RotationFacts =>
  facts({
    rotations: [
      aRotation('r', {
        services: [
          aRotatedService('api', { state: 'updated' }),
          aRotatedService('web', { state: 'updating' }),
        ],
        heldAt_ms: NOW_MS - minutes * MINUTE_MS,
        heldBecause: 'the Docker Engine does not answer',
        ...over,
      }),
    ],
  });

describe('doctor tells of a rotation', () => {
  test('nothing while it goes on, or is held up for less than ten minutes', () => {
    assert.deepEqual(secretRotationChecks(facts({ rotations: [aRotation('r')] }), NOW_MS), []);
    assert.deepEqual(secretRotationChecks(held(9), NOW_MS), []);
    assert.deepEqual(secretRotationChecks(held(60, { phase: 'done' }), NOW_MS), []);
  });

  test('that does not go on: which service waits, for how long and why, and how it is taken back', () => {
    const [check, ...others] = secretRotationChecks(held(12), NOW_MS);
    assert.deepEqual(others, []);
    assert.equal(
      check?.message,
      'the rotation of db has not moved for 12 minutes: service web waits, because the Docker Engine does not answer',
    );
    assert.match(
      check?.mend ?? '',
      /^See to the engine of one, the manager that leads, .*: docker coffer rotate --cancel db$/,
    );
    assert.equal(check?.level, 'warning');
    const untouched = [aRotatedService('api', { state: 'gone' }), aRotatedService('web')];
    const [next] = secretRotationChecks(held(12, { services: untouched }), NOW_MS);
    assert.match(next?.message ?? '', /: service web waits, because/);
  });

  test('that does not get back, which cannot be cancelled again', () => {
    const services = [aRotatedService('web', { state: 'reverting' })];
    const [check] = secretRotationChecks(held(12, { phase: 'rolling-back', services }), NOW_MS);
    assert.match(check?.message ?? '', /service web waits, because/);
    assert.doesNotMatch(check?.mend ?? '', /--cancel/);
  });

  test('that is due and does not begin, and where to ask why', () => {
    const secrets = [secret('young', HOUR_MS + 9 * MINUTE_MS), secret('old', HOUR_MS + 10 * MINUTE_MS)];
    const [check, ...others] = secretRotationChecks(facts({ secrets }), NOW_MS);
    assert.deepEqual(others, []);
    assert.equal(check?.message, '1 scheduled rotation did not begin in time: old');
    assert.equal(check?.mend, 'See why on one, which leads: docker coffer doctor');
    const rotations = [aRotation('r')];
    assert.deepEqual(
      secretRotationChecks(facts({ secrets, rotations }), NOW_MS),
      [],
      'it waits for another one',
    );
  });

  test('that was refused, with the reason, once', () => {
    const reason = new CofferError('rotation.refused', 'the engine of this node does not manage its swarm');
    const wish = { commonName: 'web', alternatives: [], usages: [], lifetime_ms: DAY_MS };
    const refused = [
      { secret: 'old', source: { kind: 'generated', specification: 'uuid' } as const, reason },
      { secret: 'web-tls', source: { kind: 'certificate', wish } as const, reason },
    ];
    const checks = secretRotationChecks(facts({ secrets: [secret('old', DAY_MS)], refused }), NOW_MS);
    assert.deepEqual(
      checks.map(({ message }) => message),
      ['old', 'web-tls'].map(
        (name) =>
          `the scheduled rotation of ${name} could not begin: the engine of this node does not manage its swarm`,
      ),
    );
    assert.match(checks[0]?.mend ?? '', /docker coffer rotate old --generate uuid$/);
    assert.match(checks[1]?.mend ?? '', /docker coffer rotate web-tls$/);
  });
});
