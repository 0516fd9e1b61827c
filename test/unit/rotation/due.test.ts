// SPDX-License-Identifier: Apache-2.0
// When secrets are rotated by themselves.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import type { RotationObject } from '../../../src/membership/index.ts';
import { dueRotations, nextRotation_ms } from '../../../src/rotation/index.ts';
import type { Secret, SecretVersion } from '../../../src/secrets/index.ts';
import { aRotation, DAY_MS, HOUR_MS } from '../../support/cluster-objects.ts';
import { assertProperty } from '../../support/property.ts';

/** The day on which all begins. */
const DAY_0 = 1_000 * DAY_MS;
const day = (count: number): number => DAY_0 + count * DAY_MS;

function version(number: number, createdAt_ms: number, copyOf?: number): SecretVersion {
  return { number, createdAt_ms, size: 1, ...(copyOf !== undefined && { copyOf }) };
}

function secret(name: string, versions: readonly SecretVersion[], labels: Secret['labels']): Secret {
  return {
    id: `id-${name}`,
    name,
    labels,
    origin: 'control',
    pending: false,
    engine: undefined,
    versions,
    destroyed: [],
    createdAt_ms: 0,
    updatedAt_ms: 0,
    modifiedIndex: 1,
  };
}

const every = (duration: string): Secret['labels'] => ({
  'coffer.rotate': duration,
  'coffer.generate': 'hex:32',
});
const db = (versions: readonly SecretVersion[], labels = every('30d')): Secret =>
  secret('db', versions, labels);
/** From version 1 to 2, and back with version 3, at this moment. */
const wentBack = (endedAt_ms: number, over: Partial<RotationObject> = {}): RotationObject =>
  aRotation('r', { phase: 'rolled-back', restoredVersion: 3, endedAt_ms, ...over });

describe('the next rotation of a secret', () => {
  const now_ms = day(10);
  const table: readonly (readonly [string, Secret, readonly RotationObject[], number | undefined])[] = [
    ['without the label never comes', db([version(1, day(0))], {}), [], undefined],
    ['comes at the age that the label says', db([version(1, day(0))]), [], day(30)],
    ['is overdue where that is over', db([version(1, day(0))], every('36h')), [], day(1.5)],
    [
      'counts from the version that was stored last',
      db([version(1, day(0)), version(2, day(9))]),
      [],
      day(39),
    ],
    [
      'of a secret that is being created is not known',
      { ...db([version(1, day(0))]), pending: true },
      [],
      undefined,
    ],
    [
      'of a version from the future comes as if that was made just now',
      db([version(1, day(99))]),
      [],
      day(40),
    ],
    [
      'that went back comes a day later, where its value is too old',
      db([version(1, day(-31)), version(2, day(9)), version(3, day(9), 1)]),
      [wentBack(day(9))],
      day(10),
    ],
    [
      'that went back comes after its interval, where that is shorter than a day',
      db([version(1, day(5)), version(2, day(9)), version(3, day(9), 1)], every('2h')),
      [wentBack(day(9))],
      day(9) + 2 * HOUR_MS,
    ],
    [
      'that went back waits for the age of the value that was put back',
      db([version(1, day(5)), version(2, day(9)), version(3, day(9), 1)]),
      [wentBack(day(9))],
      day(35),
    ],
    [
      'whose first version is gone counts its value as too old',
      db([version(2, day(9)), version(3, day(9), 1)]),
      [wentBack(day(9))],
      day(10),
    ],
    [
      'that failed, and could not be put back, comes a day later',
      db([version(1, day(5)), version(2, day(9))]),
      [wentBack(day(9), { phase: 'failed', restoredVersion: 0 })],
      day(10),
    ],
    [
      'that went back in the future went back just now',
      db([version(2, day(9)), version(3, day(9), 1)]),
      [wentBack(day(99))],
      day(11),
    ],
    [
      'that went back counts no longer once a value was stored by hand',
      db([version(3, day(9), 1), version(4, day(9.5))]),
      [wentBack(day(9))],
      day(39.5),
    ],
    [
      'is not that of another secret',
      db([version(3, day(9), 1)]),
      [wentBack(day(9), { secretId: 'id-other' })],
      day(39),
    ],
    [
      'after one that went through counts from its version',
      db([version(1, day(0)), version(2, day(8))]),
      [aRotation('r', { phase: 'done', endedAt_ms: day(9) })],
      day(38),
    ],
  ];
  for (const [what, of, rotations, expected_ms] of table) {
    test(what, () => assert.equal(nextRotation_ms(of, rotations, now_ms), expected_ms));
  }
});

describe('the next renewal of a certificate', () => {
  const labels = { 'coffer.cert.cn': 'web', 'coffer.cert.ttl': '10d' };
  const web = (versions: readonly SecretVersion[], id = 'web'): Secret => secret(id, versions, labels);
  const next = (of: Secret, rotations: readonly RotationObject[] = []): number =>
    nextRotation_ms(of, rotations, day(1)) ?? 0;

  test('comes between half and four fifths of its life, for each certificate at another time', () => {
    const parts = Array.from({ length: 200 }, (_, at) => {
      const due_ms = next(web([version(1, day(0))], `web-${at}`));
      assert.equal(due_ms, next(web([version(1, day(0))], `web-${at}`)), 'the same for whoever looks');
      return (due_ms - day(0)) / (10 * DAY_MS);
    });
    assert.ok(parts.every((part) => part >= 0.5 && part < 0.8));
    for (const from of [0.5, 0.6, 0.7]) {
      const count = parts.filter((part) => part >= from && part < from + 0.1).length;
      assert.ok(count > 30, `${count} of 200 in the tenth from ${from}`);
    }
    assert.notEqual(next(web([version(1, day(0))])), next(web([version(2, day(0))])));
  });

  test('is that of the certificate itself where somebody has gone back to it', () => {
    const first = next(web([version(1, day(0))]));
    assert.equal(next(web([version(1, day(0)), version(2, day(1)), version(3, day(3), 1)])), first);
    assert.ok(
      next(web([version(2, day(1)), version(3, day(3), 1)])) < day(0),
      'one that nobody knows is too old',
    );
  });

  test('is tried again several times before the certificate is over', () => {
    const went = web([version(1, day(-7)), version(2, day(1)), version(3, day(1), 1)]);
    assert.equal(next(went, [wentBack(day(1), { secretId: 'id-web' })]), day(1) + 10 * HOUR_MS);
  });

  test('never comes where its labels say nothing that can be, and holds up no other', () => {
    const wrong = secret('wrong', [version(1, day(0))], { 'coffer.cert.cn': 'CN=x,O=y' });
    assert.equal(nextRotation_ms(wrong, [], day(99)), undefined);
    const due = dueRotations([wrong, web([version(1, day(0))])], [], day(9));
    assert.deepEqual(
      due.map((each) => [each.secret.name, each.source.kind]),
      [['web', 'certificate']],
    );
  });
});

describe('what is due', () => {
  const old = (name: string, at_ms: number): Secret => secret(name, [version(1, at_ms)], every('1d'));
  const secrets = [old('b', day(2)), old('c', day(1)), old('a', day(2)), old('young', day(9.5))];
  const names = (rotations: readonly RotationObject[], now_ms = day(10)): readonly string[] =>
    dueRotations(secrets, rotations, now_ms).map(({ secret: { name } }) => name);

  test('is in the order of its time, and then of its name, and nothing that has time yet', () => {
    assert.deepEqual(names([]), ['c', 'a', 'b']);
    assert.deepEqual(names([], day(1)), []);
    const [first] = dueRotations(secrets, [], day(10));
    assert.deepEqual(
      [first?.source, first?.dueAt_ms],
      [{ kind: 'generated', specification: 'hex:32' }, day(2)],
    );
  });

  test('waits while any rotation goes on, forth or back', () => {
    assert.deepEqual(names([aRotation('r')]), []);
    assert.deepEqual(names([aRotation('r', { phase: 'rolling-back' })]), []);
    assert.deepEqual(names([aRotation('r', { phase: 'done' })]), ['c', 'a', 'b']);
  });
});

describe('a clock that goes to and fro', () => {
  const steps = fc.array(
    fc.record({
      byDays: fc.integer({ min: -4_000, max: 4_000 }).map((quarter) => quarter / 4),
      outcome: fc.constantFrom('done', 'rolled-back'),
    }),
    { minLength: 1, maxLength: 40 },
  );
  const everyHours = fc.integer({ min: 1, max: 24 * 100 });

  test('rotates no secret twice at one time, nor earlier than it may', (t) => {
    assertProperty(
      t,
      300,
      fc.property(everyHours, steps, (hours, walk) => {
        const every_ms = hours * HOUR_MS;
        let now_ms = DAY_0;
        let latest_ms = DAY_0;
        let of = db([version(1, DAY_0)], every(`${hours}h`));
        let rotations: readonly RotationObject[] = [];
        for (const { byDays, outcome } of walk) {
          now_ms = Math.max(0, now_ms + byDays * DAY_MS);
          if (dueRotations([of], rotations, now_ms).length === 0) {
            continue;
          }
          const waited_ms = now_ms - latest_ms;
          assert.ok(waited_ms >= Math.min(every_ms, DAY_MS), `after ${waited_ms} ms of ${every_ms}`);
          latest_ms = now_ms;
          const fromVersion = of.versions.at(-1)?.number ?? 0;
          const [toVersion, isBack] = [fromVersion + 1, outcome === 'rolled-back'];
          const origin = of.versions.at(-1)?.copyOf ?? fromVersion;
          const made = isBack
            ? [version(toVersion, now_ms), version(toVersion + 1, now_ms, origin)]
            : [version(toVersion, now_ms)];
          of = { ...of, versions: [...of.versions, ...made].slice(-10) };
          const restoredVersion = isBack ? toVersion + 1 : 0;
          const ended = { fromVersion, toVersion, restoredVersion, begunAt_ms: now_ms, endedAt_ms: now_ms };
          rotations = [
            ...rotations,
            aRotation(`r${toVersion}`, { ...ended, phase: isBack ? 'rolled-back' : 'done' }),
          ];
          assert.deepEqual(dueRotations([of], rotations, now_ms), [], 'not again at the same time');
        }
      }),
    );
  });
});
