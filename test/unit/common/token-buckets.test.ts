// SPDX-License-Identifier: Apache-2.0
// How often something may be done.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CofferError, TokenBuckets } from '../../../src/common/index.ts';

describe('token buckets', () => {
  function buckets(): { take: (key: string, times?: number) => number; pass: (time_ms: number) => void } {
    let now_ms = 1_000_000;
    const all = new TokenBuckets({ burst: 3, refill_ms: 100, now_ms: () => now_ms });
    return {
      take: (key, times = 1) => {
        let taken = 0;
        for (let count = 0; count < times; count += 1) {
          try {
            all.take(key, 'things');
            taken += 1;
          } catch (thrown) {
            assert.ok(thrown instanceof CofferError && thrown.code === 'cluster.rate-limited');
            assert.match(thrown.detail, /too many things/);
          }
        }
        return taken;
      },
      pass: (time_ms) => void (now_ms += time_ms),
    };
  }

  test('give each key its burst, and then one more from time to time, never more than the burst', () => {
    const { pass, take } = buckets();
    assert.equal(take('a', 5), 3);
    assert.equal(take('b', 5), 3);
    pass(99);
    assert.equal(take('a', 5), 0);
    pass(1);
    assert.equal(take('a', 5), 1);
    pass(250);
    assert.equal(take('a', 5), 2);
    pass(50);
    assert.equal(take('a', 5), 1, 'halves count');
    pass(1_000_000);
    assert.equal(take('a', 5), 3);
  });

  test('are not filled by a clock that goes back, and not blocked by it for long', () => {
    const { pass, take } = buckets();
    assert.equal(take('a', 5), 3);
    pass(-500_000);
    assert.equal(take('a', 5), 0);
    pass(100);
    assert.equal(take('a', 5), 1);
  });

  test('bound all keys beyond a thousand as one, so that no flood of keys fills the memory', () => {
    const { pass, take } = buckets();
    for (let key = 0; key < 1_000; key += 1) {
      assert.equal(take(`key-${key}`), 1);
    }
    assert.equal(take('one', 2) + take('two', 2) + take('three', 2), 3);
    assert.equal(take('key-7', 3), 2, 'those that are known have their own');
    pass(300);
    assert.equal(take('two', 5), 3);
  });
});
