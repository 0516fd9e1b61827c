// SPDX-License-Identifier: Apache-2.0
// The checker of histories, on histories whose verdict is known.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RandomStream } from './kernel/random-stream.ts';
import { checkLinearizable, type TimedOperation, type Verdict } from './workload/linearizability.ts';
import {
  type Answer,
  type Call,
  operationsOf,
  perform,
  type RecordedCall,
  type Register,
  stateKey,
} from './workload/secret-register.ts';

type Span = readonly [invokedAt: number, returnedAt: number];

const NEVER = Infinity;

/** A register that holds a number, as in the textbooks. */
function write(value: number, [invokedAt, returnedAt]: Span): TimedOperation<number> {
  return { invokedAt, returnedAt, hint: 0, step: () => value, describe: () => `write ${value}` };
}

function read(value: number, [invokedAt, returnedAt]: Span): TimedOperation<number> {
  const step = (state: number): number | undefined => (state === value ? state : undefined);
  return { invokedAt, returnedAt, hint: 0, step, describe: () => `read ${value}` };
}

function verdictOf(operations: readonly TimedOperation<number>[]): Verdict['kind'] {
  return checkLinearizable(operations, 0, String, 10_000).kind;
}

describe('the checker of histories accepts', () => {
  test('reads that see what was written before them', () => {
    assert.equal(
      verdictOf([write(1, [0, 1]), read(1, [2, 3]), write(2, [4, 5]), read(2, [6, 7])]),
      'linearizable',
    );
  });

  test('a read that overlaps a write, whichever value it sees', () => {
    assert.equal(verdictOf([write(1, [0, 10]), read(0, [1, 2]), read(1, [3, 4])]), 'linearizable');
    assert.equal(verdictOf([write(1, [0, 10]), read(1, [1, 2]), read(1, [3, 4])]), 'linearizable');
  });

  test('a write without an answer that takes effect long afterwards, or never', () => {
    assert.equal(verdictOf([write(1, [0, NEVER]), read(0, [5, 6]), read(1, [7, 8])]), 'linearizable');
    assert.equal(verdictOf([write(1, [0, NEVER]), read(0, [5, 6]), read(0, [7, 8])]), 'linearizable');
  });

  test('concurrent writes in the one order that explains all reads', () => {
    const history = [
      write(1, [0, 10]),
      write(2, [0, 10]),
      write(3, [0, 10]),
      read(3, [1, 2]),
      read(1, [11, 12]),
    ];
    assert.equal(verdictOf(history), 'linearizable');
  });
});

describe('the checker of histories refuses', () => {
  test('a read of a value that was replaced before it began', () => {
    assert.equal(verdictOf([write(1, [0, 1]), write(2, [2, 3]), read(1, [4, 5])]), 'violation');
  });

  test('a read that sees an older value than one before it has seen', () => {
    assert.equal(verdictOf([write(1, [0, 10]), read(1, [1, 2]), read(0, [3, 4])]), 'violation');
  });

  test('a value that nobody wrote', () => {
    assert.equal(verdictOf([write(1, [0, 1]), read(7, [0, 5])]), 'violation');
  });

  test('a write without an answer that takes effect, and is gone again', () => {
    assert.equal(verdictOf([write(1, [0, NEVER]), read(1, [2, 3]), read(0, [4, 5])]), 'violation');
  });

  test('two readers who disagree on the order of two writes', () => {
    const history = [write(1, [0, 20]), write(2, [0, 20]), read(1, [21, 22]), read(2, [23, 24])];
    assert.equal(verdictOf(history), 'violation');
  });
});

test('the checker gives up, and says so, where there are too many orders to try', () => {
  const writes = Array.from({ length: 20 }, (_, value) => write(value, [0, 100]));
  const verdict = checkLinearizable([...writes, read(-1, [101, 102])], 0, String, 1_000);
  assert.equal(verdict.kind, 'undecided');
});

test('it names what could not come next', () => {
  const verdict = checkLinearizable([write(1, [0, 1]), read(2, [2, 3])], 0, String, 1_000);
  assert.deepEqual(verdict, { kind: 'violation', longest: 1, stuck: ['read 2'] });
});

describe("a secret's register", () => {
  const call = (number: number, what: Call, answer: Answer, [invokedAt, returnedAt]: Span): RecordedCall => ({
    client: 0,
    number,
    name: 'secret',
    requestId: `${number}`,
    call: what,
    answer,
    invokedAt,
    returnedAt,
  });
  const verdict = (calls: readonly RecordedCall[]): Verdict['kind'] =>
    checkLinearizable<Register>(
      operationsOf(calls, () => undefined),
      'absent',
      stateKey,
      10_000,
    ).kind;
  const put = (newId: string, value: string, expect: 'always' | 'absent' | number = 'always'): Call => ({
    kind: 'put',
    newId,
    value,
    expect,
  });
  const done = (id: string, version: number): Answer => ({
    kind: 'done',
    index: version,
    result: { id, version, value: '' },
  });
  const seen = (register: Register): Answer => ({ kind: 'seen', register, index: 0 });

  test('counts versions, and begins anew under another id after a removal', () => {
    const history = [
      call(1, put('a', 'v1'), done('a', 1), [0, 1]),
      call(2, put('b', 'v2'), done('a', 2), [2, 3]),
      call(3, { kind: 'remove', id: 'a' }, done('a', 2), [4, 5]),
      call(4, put('c', 'v3'), done('c', 1), [6, 7]),
      call(5, { kind: 'read' }, seen({ id: 'c', version: 1, value: 'v3' }), [8, 9]),
    ];
    assert.equal(verdict(history), 'linearizable');
    assert.equal(verdict(history.filter(({ number }) => number !== 3)), 'violation');
  });

  test('lets one of two writers win who both know the same version', () => {
    const first = call(1, put('a', 'v1'), done('a', 1), [0, 1]);
    const winner = call(2, put('b', 'v2', 1), done('a', 2), [2, 9]);
    const loser = call(3, put('c', 'v3', 1), { kind: 'refused', code: 'secret.version-conflict' }, [2, 9]);
    assert.equal(verdict([first, winner, loser]), 'linearizable');
    assert.equal(verdict([first, winner, { ...loser, answer: done('a', 3) }]), 'violation');
  });

  test('goes back to the value before, and forth again, for whoever knows the current version', () => {
    const back = (expect: number): Call => ({ kind: 'rollback', id: 'a', expect });
    const read = call(5, { kind: 'read' }, seen({ id: 'a', version: 4, value: 'v2' }), [8, 9]);
    const history = [
      call(1, put('a', 'v1'), done('a', 1), [0, 1]),
      call(2, put('b', 'v2'), done('a', 2), [2, 3]),
      call(3, back(2), done('a', 3), [4, 5]),
      call(4, back(3), done('a', 4), [6, 7]),
    ];
    assert.equal(verdict([...history, read]), 'linearizable');
    const wrong = { ...read, answer: seen({ id: 'a', version: 4, value: 'v1' }) };
    assert.equal(verdict([...history, wrong]), 'violation');
    const late = call(5, back(3), { kind: 'refused', code: 'secret.version-conflict' }, [8, 9]);
    assert.equal(verdict([...history, late]), 'linearizable');
  });

  test('refuses a create where there is a secret, and not where there is none', () => {
    const exists: Answer = { kind: 'refused', code: 'secret.exists' };
    const create = call(2, { kind: 'create', newId: 'b', value: 'v2' }, exists, [2, 3]);
    assert.equal(verdict([call(1, put('a', 'v1'), done('a', 1), [0, 1]), create]), 'linearizable');
    assert.equal(verdict([create]), 'violation');
  });

  test('may be written by a call without an answer, once', () => {
    const lost = call(1, put('a', 'v1'), { kind: 'unknown' }, [0, NEVER]);
    const read1 = call(2, { kind: 'read' }, seen({ id: 'a', version: 1, value: 'v1' }), [1, 2]);
    const read2 = call(3, { kind: 'read' }, seen({ id: 'a', version: 2, value: 'v1' }), [3, 4]);
    assert.equal(verdict([lost, read1]), 'linearizable');
    assert.equal(verdict([lost, read1, read2]), 'violation');
  });

  test('is linearizable in every history that was made one call after another, however its times are stretched', (t) => {
    const seed = process.env['TEST_SEED'] ?? 'histories';
    t.diagnostic(`seed ${seed} (TEST_SEED=${seed} repeats it)`);
    const random = new RandomStream(seed);
    for (let round = 0; round < 200; round += 1) {
      const { calls, wrong } = madeInOrder(random.fork(round));
      assert.equal(verdict(calls), 'linearizable', `round ${round}`);
      if (wrong !== undefined) {
        assert.equal(verdict(wrong), 'violation', `round ${round}, spoilt`);
      }
    }
  });

  /** Calls that took effect at 10, 20, 30 and so on, each with a span around that; and the same with a wrong read. */
  function madeInOrder(random: RandomStream): {
    readonly calls: readonly RecordedCall[];
    readonly wrong: readonly RecordedCall[] | undefined;
  } {
    let register: Register = 'absent';
    const calls: RecordedCall[] = [];
    for (let number = 1; number <= 30; number += 1) {
      const at = number * 10;
      const invokedAt = at - random.between(1, 40);
      const returnedAt = at + random.between(1, 40);
      if (random.chance(0.4)) {
        calls.push(call(number, { kind: 'read' }, seen(register), [invokedAt, returnedAt]));
        continue;
      }
      const what = put(`id-${number}`, `v${number}`, random.pick(['always', 'absent', 1, 2] as const));
      const after: ReturnType<typeof perform> = what.kind === 'put' ? perform(register, what) : register;
      const refused = typeof after === 'object' && 'refused' in after ? after.refused : undefined;
      const answer: Answer =
        refused === undefined
          ? { kind: 'done', index: number, result: 'unknown' }
          : { kind: 'refused', code: refused };
      calls.push(
        random.chance(0.15)
          ? call(number, what, { kind: 'unknown' }, [invokedAt, NEVER])
          : call(number, what, answer, [invokedAt, returnedAt]),
      );
      register = typeof after === 'object' && 'refused' in after ? register : after;
    }
    const read0 = calls.find(({ answer }) => answer.kind === 'seen');
    const spoilt = { id: 'id-0', version: 9, value: 'nobody' };
    const wrong = calls.map((made) => (made === read0 ? { ...made, answer: seen(spoilt) } : made));
    return { calls, wrong: read0 === undefined ? undefined : wrong };
  }
});
