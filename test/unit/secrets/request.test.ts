// SPDX-License-Identifier: Apache-2.0
// A request that stands in the log twice changes the secrets once.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { CofferError, SecretValue } from '../../../src/common/index.ts';
import {
  applyRequest,
  checkRequestId,
  type Command,
  decodeRequest,
  encodeRequest,
  newRequestId,
  type Request,
  type RequestOutcome,
  REQUESTS_KEPT,
} from '../../../src/secrets/index.ts';
import { SecretIndex } from '../../../src/store/index.ts';
import { deliveryOf } from '../../support/deliveries.ts';

const put = (name: string): Command => ({
  kind: 'put',
  id: `id-${name}`,
  name,
  labels: undefined,
  origin: 'control',
  expect: 'always',
  value: SecretValue.copyOf(Buffer.from('value')),
  at_ms: 1,
});

const requestId = (number: number): string => number.toString(16).padStart(32, '0');
const request = (number: number, command: Command, baseIndex = 0): Request => ({
  id: requestId(number),
  baseIndex,
  proposer: 7,
  command,
});

/** The state that a log makes; the position of each entry is given, as a log has entries of other kinds too. */
class State {
  readonly index = new SecretIndex();

  apply(each: Request, index: number): RequestOutcome {
    const outcome = applyRequest(this.index, each, index);
    for (const effect of outcome.effects) {
      this.index.apply(effect);
    }
    return outcome;
  }

  versions(name: string): number {
    return this.index.byName(name)?.versions.length ?? 0;
  }
}

const codeOf = (outcome: RequestOutcome): string =>
  outcome.kind === 'refused' ? outcome.error.code : `applied by ${outcome.index}`;

describe('a request', () => {
  test('that comes again changes nothing, and answers with the secret as it is now and the entry that applied it', () => {
    const state = new State();
    const first = state.apply(request(1, put('n')), 5);
    assert.ok(first.kind === 'applied' && first.index === 5 && first.effects.length === 3);
    state.apply(request(2, put('n')), 6);
    const again = state.apply(request(1, put('n')), 7);
    assert.deepEqual(again, { kind: 'applied', secret: state.index.byName('n'), effects: [], index: 5 });
    assert.equal(state.versions('n'), 2);
    assert.equal(state.index.requestsApplied, 2);
  });

  test('that removed its secret, or was about none, answers without one', () => {
    const state = new State();
    state.apply(request(1, put('n')), 1);
    state.apply(request(2, { kind: 'remove', id: 'id-n' }), 2);
    const deliveries = [deliveryOf('t', 's', 1)];
    state.apply(request(3, { kind: 'record-deliveries', deliveries }), 3);
    for (const [number, index] of [
      [2, 2],
      [3, 3],
    ] as const) {
      assert.deepEqual(state.apply(request(number, { kind: 'remove', id: 'id-n' }), 9), {
        kind: 'applied',
        secret: undefined,
        effects: [],
        index,
      });
    }
    assert.equal(state.index.deliveriesRecorded, 1);
  });

  test('that changed nothing since what it wanted was there is remembered all the same', () => {
    const state = new State();
    state.apply(request(1, put('n')), 1);
    const absent: Command = { ...put('n'), kind: 'put', expect: 'absent' } as Command;
    assert.equal(codeOf(state.apply(request(2, absent), 2)), 'applied by 2');
    state.apply(request(3, { kind: 'remove', id: 'id-n' }), 3);
    assert.equal(codeOf(state.apply(request(2, absent), 4)), 'applied by 2');
    assert.equal(state.versions('n'), 0, 'it does not make the secret now');
  });

  test('that was refused is refused again, though it could be done by now: its caller was told', () => {
    const state = new State();
    const removal = request(1, { kind: 'remove', id: 'id-n' });
    const refused = state.apply(removal, 1);
    assert.equal(codeOf(refused), 'secret.not-found');
    assert.deepEqual(
      refused.effects.map(({ kind }) => kind),
      ['put-request'],
    );
    state.apply(request(2, put('n')), 2);
    const again = state.apply(removal, 3);
    assert.equal(codeOf(again), 'secret.not-found');
    assert.deepEqual([again.effects, again.index], [[], 1]);
    assert.equal(state.versions('n'), 1);
    assert.equal(state.index.requestsApplied, 2);
  });

  test('is taken up to the last entry of its window, and refused from the next one on', () => {
    const state = new State();
    assert.equal(
      codeOf(state.apply(request(1, put('n'), 100), 100 + REQUESTS_KEPT)),
      `applied by ${100 + REQUESTS_KEPT}`,
    );
    const late = state.apply(request(2, put('n'), 100), 101 + REQUESTS_KEPT);
    assert.equal(codeOf(late), 'request.expired');
    assert.ok(late.kind === 'refused' && late.error.hint !== undefined);
    assert.deepEqual(late.effects, []);
    assert.equal(
      codeOf(state.apply(request(1, put('n'), 100), 200 + REQUESTS_KEPT)),
      `applied by ${100 + REQUESTS_KEPT}`,
    );
  });

  test('cannot have been made at an entry that comes after it', () => {
    const state = new State();
    assert.equal(codeOf(state.apply(request(1, put('n'), 5), 5)), 'request.expired');
    assert.equal(codeOf(state.apply(request(1, put('n'), 4), 5)), 'applied by 5');
  });

  test('is never applied twice, though the ring forgets: what it forgets has expired', () => {
    const state = new State();
    const remove = (number: number, baseIndex: number): Request => request(number, put('other'), baseIndex);
    const first = request(1, put('n'), 0);
    state.apply(first, 1);
    // Each entry of the log fills a slot, which is the fastest that the ring can turn.
    for (let index = 2; index <= REQUESTS_KEPT; index += 1) {
      state.apply(remove(index, index - 1), index);
    }
    assert.equal(
      codeOf(state.apply(first, REQUESTS_KEPT)),
      'applied by 1',
      'at the end of the window it is known',
    );
    state.apply(remove(REQUESTS_KEPT + 1, REQUESTS_KEPT), REQUESTS_KEPT + 1);
    assert.equal(state.index.requestById(first.id), undefined, 'the ring has come round');
    assert.equal(codeOf(state.apply(first, REQUESTS_KEPT + 2)), 'request.expired');
    assert.equal(state.versions('n'), 1);
    assert.equal(state.index.requestsFrom(0, 1)[0]?.id, requestId(REQUESTS_KEPT + 1));
    assert.equal(state.index.requestsFrom(1, 1)[0]?.id, requestId(2));
  });
});

describe("a request's bytes", () => {
  const anyRequest = fc
    .tuple(
      fc.stringMatching(/^[0-9a-f]{32}$/),
      fc.maxSafeNat(),
      fc.maxSafeNat(),
      fc.string({ maxLength: 20 }),
    )
    .map(
      ([id, baseIndex, proposer, secretId]): Request => ({
        id,
        baseIndex,
        proposer,
        command: { kind: 'remove', id: secretId },
      }),
    );

  test('give back every request', () => {
    fc.assert(fc.property(anyRequest, (each) => assert.deepEqual(decodeRequest(encodeRequest(each)), each)));
  });

  test('that were cut or altered throw nothing but store.damaged', () => {
    fc.assert(
      fc.property(anyRequest, fc.nat(), fc.nat(255), fc.boolean(), (each, at, byte, cut) => {
        const bytes = encodeRequest(each);
        const position = at % bytes.length;
        const altered = cut ? bytes.subarray(0, position) : bytes.fill(byte, position, position + 1);
        try {
          decodeRequest(altered);
          assert.ok(!cut, 'a request that was cut is not read');
        } catch (error) {
          assert.ok(error instanceof CofferError && error.code === 'store.damaged', String(error));
        }
      }),
    );
  });

  test('hold an id that was drawn for it, which is checked where it comes from outside', () => {
    const id = newRequestId();
    checkRequestId(id);
    assert.notEqual(newRequestId(), id);
    assert.equal(
      newRequestId((size) => Buffer.alloc(size, 0xab)),
      'ab'.repeat(16),
    );
    for (const wrong of ['', id.slice(1), `${id}0`, id.replace(/./, 'G'), 'A'.repeat(32)]) {
      assert.throws(() => checkRequestId(wrong), { code: 'request.invalid' });
      assert.throws(() => encodeRequest({ ...request(1, put('n')), id: wrong }), {
        code: 'internal.invariant',
      });
    }
  });
});
