// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ReadSchedule } from '../../../src/engine/read-schedule.ts';
import { assertProperty } from '../../support/property.ts';

/** When readings begin up to `until_ms`, each of `read_ms`, if `events_ms` happen meanwhile. */
function readings(events_ms: readonly number[], until_ms: number, read_ms = 0): readonly number[] {
  const schedule = new ReadSchedule(0);
  const begun: number[] = [];
  const waiting = [...events_ms].sort((one, other) => one - other);
  let now_ms = 0;
  for (;;) {
    const next_ms = Math.max(now_ms, schedule.due_ms);
    const [event_ms = Number.POSITIVE_INFINITY] = waiting;
    now_ms = Math.max(now_ms, Math.min(next_ms, event_ms));
    if (now_ms > until_ms) {
      return begun;
    }
    if (event_ms <= now_ms) {
      waiting.shift();
      schedule.event(event_ms);
      continue;
    }
    begun.push(now_ms);
    schedule.begin(now_ms);
    now_ms += read_ms;
    schedule.end(now_ms);
  }
}

test('without a reason, the swarm is read at once and then every five seconds', () => {
  assert.deepEqual(readings([], 16_000), [0, 5_000, 10_000, 15_000]);
});

test('after an event it is read at once and four times more, for the tasks that follow', () => {
  assert.deepEqual(
    readings([6_000], 12_000),
    [
      0, 5_000, 6_000, 6_200, 6_500, 7_000, 8_000,
      // And then as ever.
      13_000,
    ].filter((at_ms) => at_ms <= 12_000),
  );
});

test('events in a row are followed from the last one on', () => {
  assert.deepEqual(
    readings([1_000, 1_100, 1_150], 3_200),
    [0, 1_000, 1_100, 1_150, 1_350, 1_650, 2_150, 3_150],
  );
});

test('readings that take long have long pauses, whatever happens', () => {
  // 100 ms of reading in each second.
  const events_ms = Array.from({ length: 1_000 }, (_, index) => index * 10);
  assert.deepEqual(readings(events_ms, 4_500, 100), [0, 1_000, 2_000, 3_000, 4_000]);
  // An engine in trouble is asked again all the same, soon enough for whoever waits.
  assert.deepEqual(readings([], 40_000, 10_000), [0, 15_000, 30_000]);
});

test('what is asked for while a reading is under way is answered by one more', () => {
  const schedule = new ReadSchedule(0);
  schedule.begin(0);
  schedule.refresh();
  schedule.refresh();
  schedule.end(10);
  assert.equal(schedule.due_ms, 100);
  schedule.begin(100);
  schedule.end(110);
  assert.equal(schedule.due_ms, 5_100);
});

test('a tenth of the time at most is spent on reading, unless that takes long, and no event is left unread', (t) => {
  const times = fc.array(fc.nat(60_000), { maxLength: 200 });
  assertProperty(
    t,
    200,
    fc.property(times, fc.nat(3_000), (events_ms, read_ms) => {
      const begun_ms = readings(events_ms, 120_000, read_ms);
      const round_ms = Math.min(10 * read_ms, read_ms + 5_000);
      begun_ms.slice(1).forEach((at_ms, index) => {
        assert.ok(at_ms - (begun_ms[index] ?? 0) >= round_ms);
      });
      for (const event_ms of events_ms) {
        const next_ms = begun_ms.find((at_ms) => at_ms >= event_ms) ?? Number.POSITIVE_INFINITY;
        assert.ok(next_ms - event_ms <= round_ms, `an event at ${event_ms} was read at ${next_ms}`);
      }
    }),
  );
});
