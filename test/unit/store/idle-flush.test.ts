// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { systemClock } from '../../../src/store/replica/clock.ts';
import { IdleFlush } from '../../../src/store/replica/idle-flush.ts';

test('the applied state is written by itself when nothing more is applied, and not while much is', (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  let flushes = 0;
  const flush = new IdleFlush(
    systemClock,
    () => flushes === 0,
    () => {
      flushes += 1;
    },
  );
  for (let applied = 0; applied < 20; applied += 1) {
    flush.arm();
    mock.timers.tick(40);
  }
  assert.equal(flushes, 0, 'as long as something is applied every 40 ms');
  mock.timers.tick(100);
  assert.equal(flushes, 1, 'soon after the last was');
  flush.arm();
  mock.timers.tick(1_000);
  assert.equal(flushes, 1, 'nor when there is nothing to write');
  flush.stop();
});

test('what another write takes along is not written again', (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  let isNeeded = true;
  const flush = new IdleFlush(
    systemClock,
    () => isNeeded,
    () => assert.fail('it is on the disk already'),
  );
  flush.arm();
  isNeeded = false;
  mock.timers.tick(200);
  flush.stop();
});
