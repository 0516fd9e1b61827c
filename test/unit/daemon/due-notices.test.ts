// SPDX-License-Identifier: Apache-2.0
// Which notices of secrets are due, and what is remembered of those that were taken.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CofferError, DAY_MS, HOUR_MS, SecretValue } from '../../../src/common/index.ts';
import {
  type DueNotice,
  dueNotices,
  markAfter,
  mergedMark,
  noticeOf,
  prunedMark,
} from '../../../src/daemon/notices/due-notices.ts';
import {
  type NoticeMark,
  readMark,
  type Stage,
  TOLD_EXPIRIES_MAX,
  type ToldExpiry,
  writeMark,
} from '../../../src/daemon/notices/notice-mark.ts';
import { type Secret, VALUE_BYTES_MAX } from '../../../src/secrets/index.ts';

const END_MS = Date.UTC(2027, 5, 1);
const MADE_MS = END_MS - 100 * DAY_MS;

function secretOf(changes: Partial<Secret>): Secret {
  const { name = 'db' } = changes;
  return {
    id: name.padEnd(25, 'x'),
    name,
    labels: {},
    origin: 'control',
    pending: false,
    engine: undefined,
    versions: [{ number: 3, createdAt_ms: MADE_MS, size: 1 }],
    destroyed: [],
    createdAt_ms: MADE_MS,
    updatedAt_ms: MADE_MS,
    modifiedIndex: 1,
    ...changes,
  };
}

function ending(name: string, expires = '2027-06-01'): Secret {
  return secretOf({ name, labels: { 'coffer.expires': expires } });
}

function markOf(index: number, ...told: readonly ToldExpiry[]): NoticeMark {
  return { clusterId: 'c', index, expiries: new Map(told.map((each) => [each.secretId, each])) };
}

function toldOf(secret: Secret, stage: Stage, changes: Partial<ToldExpiry> = {}): ToldExpiry {
  return { secretId: secret.id, version: 3, expires_ms: END_MS, stage, ...changes };
}

function namesOf(due: readonly DueNotice[]): readonly string[] {
  return due.map((each) => `${each.kind === 'expiry' ? each.expiry.stage : each.kind} ${each.secret.name}`);
}

const after = (mark: NoticeMark, due: readonly DueNotice[]): NoticeMark => due.reduce(markAfter, mark);

describe('changes that are due', () => {
  const secrets = [
    secretOf({ name: 'old', modifiedIndex: 10 }),
    secretOf({ name: 'newest', modifiedIndex: 13 }),
    secretOf({ name: 'new', modifiedIndex: 11 }),
    secretOf({ name: 'half', modifiedIndex: 12, pending: true }),
    secretOf({ name: 'coffer.workload-ca', modifiedIndex: 14 }),
    secretOf({ name: 'coffer.notices', modifiedIndex: 15 }),
  ];

  test("are those after the mark, in their order, without what is incomplete or coffer's own", () => {
    assert.deepEqual(namesOf(dueNotices(secrets, markOf(10), MADE_MS)), ['changed new', 'changed newest']);
  });

  test('are told once each, wherever it was stopped', () => {
    for (const taken of [0, 1, 2]) {
      const due = dueNotices(secrets, markOf(10), MADE_MS);
      const mark = after(markOf(10), due.slice(0, taken));
      assert.deepEqual(namesOf(dueNotices(secrets, mark, MADE_MS)), namesOf(due.slice(taken)));
    }
  });

  test('name the secret, its version, where it comes from and when that was', () => {
    const secret = secretOf({ modifiedIndex: 2, updatedAt_ms: END_MS });
    const notice = { node: 'n', secret: 'db', facts: { version: 3, origin: 'control' } };
    assert.deepEqual(noticeOf({ kind: 'changed', secret }, 'n', MADE_MS), {
      ...notice,
      event: 'changed',
      at: '2027-06-01T00:00:00.000Z',
    });
    assert.deepEqual(noticeOf({ kind: 'removed', secret }, 'n', END_MS + 1), {
      ...notice,
      event: 'removed',
      at: '2027-06-01T00:00:00.001Z',
    });
  });
});

describe('expiries that are due', () => {
  const db = ending('db');
  const table: readonly [string, Secret, number, string][] = [
    ['none while there is more than two weeks', db, 14 * DAY_MS + 1, ''],
    ['two weeks before', db, 14 * DAY_MS, '14 db'],
    ['a week before', db, 7 * DAY_MS, '7 db'],
    ['the nearest stage alone, where none was told', db, 3 * DAY_MS, '7 db'],
    ['a day before', db, DAY_MS, '1 db'],
    ['at the end', db, 0, '0 db'],
    ['long after it', db, -900 * DAY_MS, '0 db'],
    ['none of what does not expire', secretOf({}), 0, ''],
    ['none of what is incomplete', { ...db, pending: true }, 0, ''],
    ['none at a stage before which the value was not there', ending('db', '5d'), 98 * DAY_MS, ''],
    ['then at the next one', ending('db', '5d'), 96 * DAY_MS, '1 db'],
    ['the end of a value that is good for an hour', ending('db', '1h'), 99 * DAY_MS, '0 db'],
  ];
  for (const [name, secret, left_ms, expected] of table) {
    test(name, () => {
      assert.equal(namesOf(dueNotices([secret], markOf(1), END_MS - left_ms)).join(), expected);
    });
  }

  const certificate = secretOf({
    name: 'web',
    labels: { 'coffer.cert.cn': 'web', 'coffer.cert.ttl': '100d' },
  });
  for (const [name, left_ms, expected] of [
    ['a certificate that is renewed in time is not told of', 14 * DAY_MS, ''],
    ['one that was not is', 10 * DAY_MS, '14 web'],
    ['and is over at its end', 0, '0 web'],
  ] as const) {
    test(name, () => {
      assert.equal(namesOf(dueNotices([certificate], markOf(1), END_MS - left_ms)).join(), expected);
    });
  }

  test('are not told again, also by a clock that is a little behind', () => {
    const at = (left_ms: number, told: ToldExpiry): string =>
      namesOf(dueNotices([db], markOf(1, told), END_MS - left_ms)).join();
    assert.equal(at(7 * DAY_MS, toldOf(db, 7)), '');
    assert.equal(at(7 * DAY_MS + 1, toldOf(db, 7)), '');
    assert.equal(at(DAY_MS, toldOf(db, 7)), '1 db');
    assert.equal(at(-1, toldOf(db, 0)), '');
    assert.equal(at(7 * DAY_MS, toldOf(db, 7, { version: 2 })), '7 db', 'another value');
    assert.equal(at(7 * DAY_MS, toldOf(db, 1, { expires_ms: 1 })), '7 db', 'another end');
  });

  test('are told once at each stage through the whole life of a value', () => {
    const told: string[] = [];
    let mark = markOf(1);
    for (let left_ms = 20 * DAY_MS; left_ms > -20 * DAY_MS; left_ms -= HOUR_MS) {
      const due = dueNotices([db], mark, END_MS - left_ms);
      told.push(...namesOf(due));
      mark = prunedMark(after(mark, due), [db], END_MS - left_ms);
    }
    assert.deepEqual(told, ['14 db', '7 db', '1 db', '0 db']);
  });

  test('say until when the value is good, and how many days are left', () => {
    const [due] = dueNotices([db], markOf(1), END_MS - 7 * DAY_MS + 5);
    assert.ok(due !== undefined);
    assert.deepEqual(noticeOf(due, 'n', END_MS - 7 * DAY_MS + 5), {
      event: 'expiring',
      at: '2027-05-25T00:00:00.005Z',
      node: 'n',
      secret: 'db',
      facts: { version: 3, expires: '2027-06-01T00:00:00.000Z', daysLeft: 7 },
    });
    const [end] = dueNotices([db], markOf(1), END_MS);
    assert.ok(end !== undefined);
    assert.deepEqual(noticeOf(end, 'n', END_MS), {
      event: 'expired',
      at: '2027-06-01T00:00:00.000Z',
      node: 'n',
      secret: 'db',
      facts: { version: 3, expires: '2027-06-01T00:00:00.000Z' },
    });
  });
});

describe('the mark', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => ending(name)) as [Secret, Secret, Secret];

  test('forgets what is gone, has another value or another end', () => {
    const mark = markOf(
      1,
      toldOf(a, 1),
      toldOf(b, 1, { version: 2 }),
      toldOf(c, 1, { expires_ms: 1 }),
      toldOf(ending('gone'), 0),
    );
    assert.deepEqual(prunedMark(mark, [a, b, c], END_MS), markOf(1, toldOf(a, 1)));
    assert.deepEqual(prunedMark(mark, [a], END_MS - 15 * DAY_MS), markOf(1), 'it is not near its end');
  });

  test('of two leaders is what both have told', () => {
    const one = markOf(9, toldOf(a, 7), toldOf(b, 1));
    const other = markOf(12, toldOf(a, 1), toldOf(b, 14), toldOf(c, 0));
    const both = markOf(12, toldOf(a, 1), toldOf(b, 1), toldOf(c, 0));
    assert.deepEqual(mergedMark(one, other), both);
    assert.deepEqual(mergedMark(other, one).index, 12);
  });

  test('is written and read back, and nothing else is read', () => {
    for (const mark of [markOf(0), markOf(7, toldOf(a, 0), toldOf(b, 14))]) {
      assert.deepEqual(readMark(writeMark(mark)), mark);
    }
    const bytes = writeMark(markOf(7, toldOf(a, 1))).expose();
    const damaged = [
      ...Array.from(bytes, (_, length) => bytes.subarray(0, length)),
      Buffer.concat([bytes, Buffer.of(0)]),
      Buffer.concat([Buffer.of(2), bytes.subarray(1)]),
      Buffer.concat([bytes.subarray(0, -1), Buffer.of(3)]),
    ];
    for (const each of damaged) {
      assert.throws(
        () => readMark(SecretValue.copyOf(each)),
        (error) => error instanceof CofferError && error.code === 'store.damaged',
      );
    }
  });

  test('is a value as large as values may be, however much expires', () => {
    const many = Array.from({ length: TOLD_EXPIRIES_MAX + 10 }, (_, at) => ending(`s${at}`));
    const due = dueNotices(many, markOf(1), END_MS);
    assert.equal(due.length, TOLD_EXPIRIES_MAX);
    const told = markOf(1, ...due.flatMap((each) => (each.kind === 'expiry' ? [each.expiry] : [])));
    const kept = prunedMark(told, many, END_MS);
    assert.ok(writeMark(kept).byteLength <= VALUE_BYTES_MAX);
    assert.deepEqual(dueNotices(many, kept, END_MS), []);
  });
});
