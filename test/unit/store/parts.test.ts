// SPDX-License-Identifier: Apache-2.0
// The store's small parts, each by itself.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { CofferError } from '../../../src/common/index.ts';
import { Keyring } from '../../../src/crypto/index.ts';
import { DELIVERIES_KEPT, ORIGINS, type Secret } from '../../../src/secrets/index.ts';
import { type Proposal, ProposalQueue } from '../../../src/store/proposal-queue.ts';
import {
  decodeDelivery,
  decodeSecret,
  encodeDelivery,
  encodeSecret,
} from '../../../src/store/record-codec.ts';
import { SecretIndex } from '../../../src/store/index.ts';
import { StateDigest } from '../../../src/store/state-digest.ts';
import { type Opened, verifyCheckpoint } from '../../../src/store/verify-checkpoint.ts';

/** A record as an object literal makes it: fast-check also makes ones without a prototype. */
const plainRecord = <T>(model: { readonly [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(model, { noNullPrototype: true });

const id = fc.string({ maxLength: 25 });
const secret: fc.Arbitrary<Secret> = plainRecord({
  id,
  name: fc.string({ maxLength: 20 }),
  labels: fc.dictionary(fc.string(), fc.string(), { maxKeys: 4, noNullPrototype: true }),
  origin: fc.constantFrom(...ORIGINS),
  pending: fc.boolean(),
  engine: fc.option(plainRecord({ secretId: id, swarmId: id }), { nil: undefined }),
  versions: fc.array(
    plainRecord({ number: fc.nat(0xffff_ffff), createdAt_ms: fc.maxSafeNat(), size: fc.nat(511_999) }),
    { minLength: 1, maxLength: 10 },
  ),
  createdAt_ms: fc.maxSafeNat(),
  updatedAt_ms: fc.maxSafeNat(),
  modifiedIndex: fc.maxSafeNat(),
});
const delivery = plainRecord({ taskId: id, secretId: id, version: fc.nat(0xffff_ffff) });

describe("the state's records", () => {
  test('give back what was written', () => {
    fc.assert(fc.property(secret, (each) => assert.deepEqual(decodeSecret(encodeSecret(each)), each)));
    fc.assert(
      fc.property(delivery, fc.nat(20_000), (each, slot) =>
        assert.deepEqual(decodeDelivery(encodeDelivery(slot, each)), { slot, delivery: each }),
      ),
    );
  });

  test('that were cut or altered throw nothing but store.damaged', () => {
    const records = fc.oneof(
      secret.map(encodeSecret),
      delivery.map((each) => encodeDelivery(1, each)),
    );
    fc.assert(
      fc.property(records, fc.nat(), fc.nat(255), fc.boolean(), (record, at, byte, cut) => {
        const position = at % record.length;
        const altered = cut
          ? record.subarray(0, position)
          : Buffer.from(record).fill(byte, position, position + 1);
        for (const decode of [decodeSecret, decodeDelivery]) {
          try {
            decode(altered);
          } catch (error) {
            assert.ok(error instanceof CofferError && error.code === 'store.damaged', String(error));
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('the digest of the state', () => {
  test('is that of the records that are there, in whatever order they came and went', () => {
    const keyring = Keyring.generate();
    const records = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(records, fc.nat(), (texts, seed) => {
        const [there, gone] = [texts.slice(0, seed % texts.length), texts.slice(seed % texts.length)];
        const [straight, winding] = [new StateDigest(keyring), new StateDigest(keyring)];
        there.forEach((text) => straight.add(Buffer.from(text)));
        [...texts].reverse().forEach((text) => winding.add(Buffer.from(text)));
        assert.ok(!winding.equals(straight));
        gone.forEach((text) => winding.remove(Buffer.from(text)));
        assert.ok(winding.equals(straight));
        assert.ok(winding.equals(new StateDigest(keyring, winding.sum, winding.count)));
      }),
    );
  });
});

describe('the deliveries that are read from the disk', () => {
  test('count as they did before, also where the ring begins anew', () => {
    const live = new SecretIndex();
    const record = (taskId: string, version: number): void =>
      live.apply({
        kind: 'put-delivery',
        slot: live.deliveriesRecorded % DELIVERIES_KEPT,
        delivery: { taskId, secretId: 's', version },
      });
    for (let number = 0; number < DELIVERIES_KEPT - 2; number += 1) {
      record(`t${number}`, 1);
    }
    // The older one in the last slots, the newer one in the first.
    for (const version of [2, 3, 4]) {
      record('again', version);
    }
    assert.equal(live.deliveredVersion('again', 's'), 4);
    const slots = Array.from({ length: DELIVERIES_KEPT }, (_, slot) => ({
      slot,
      delivery: live.deliveryAt(slot),
    }));
    const reopened = new SecretIndex();
    reopened.restoreDeliveries(
      slots.flatMap(({ slot, delivery: there }) => (there === undefined ? [] : [{ slot, delivery: there }])),
      live.deliveriesRecorded,
    );
    assert.equal(reopened.deliveredVersion('again', 's'), 4);
    assert.equal(reopened.deliveredVersion('t0', 's'), undefined);
    assert.equal(reopened.deliveredVersion('t1', 's'), 1);
    assert.equal(reopened.deliveriesRecorded, live.deliveriesRecorded);
  });
});

describe('the queue of proposals', () => {
  const proposal = (size: number, reject: Proposal['reject'] = () => undefined): Proposal => ({
    data: Buffer.alloc(size, 1),
    removal: false,
    resolve: () => undefined,
    reject,
  });

  test('is bounded in count and in bytes, and has room again when a group is taken', () => {
    const queue = new ProposalQueue();
    for (let number = 0; number < 4_096; number += 1) {
      queue.add(proposal(1));
    }
    assert.throws(() => queue.add(proposal(1)), { code: 'store.busy' });
    assert.equal(queue.takeGroup().length, 512);
    queue.add(proposal(1));
    const large = new ProposalQueue();
    const megabytes = 1024 * 1024;
    for (let number = 0; number < 64; number += 1) {
      large.add(proposal(megabytes));
    }
    assert.throws(() => large.add(proposal(1)), { code: 'store.busy' });
    assert.equal(large.takeGroup().length, 4, 'a group is bounded in bytes too');
    large.add(proposal(megabytes));
  });

  test('gives out groups in order, one at least, however large', () => {
    const queue = new ProposalQueue();
    const all = [proposal(5 * 1024 * 1024), proposal(1), proposal(2)];
    all.forEach((each) => queue.add(each));
    assert.deepEqual(queue.takeGroup(), [all[0]]);
    assert.deepEqual(queue.takeGroup(), [all[1], all[2]]);
    assert.deepEqual(queue.takeGroup(), []);
  });

  test('wipes what it rejects', () => {
    const queue = new ProposalQueue();
    const errors: string[] = [];
    const waiting = proposal(10, ({ code }) => errors.push(code));
    queue.add(waiting);
    queue.rejectAll(new CofferError('store.closed', 'closed'));
    assert.deepEqual(errors, ['store.closed']);
    assert.ok(waiting.data.equals(Buffer.alloc(10)));
    assert.equal(queue.length, 0);
  });
});

describe('the checkpoint against the database', () => {
  const digest = (byte: number): Buffer => Buffer.alloc(32, byte);
  const identity = { clusterId: 'c', nodeId: 'n' };
  const position = (index: number, term = 2): { index: number; term: number; digest: Buffer } => ({
    index,
    term,
    digest: digest(index),
  });
  const whole: Opened = {
    checkpoint: { ...identity, term: 2, vote: 'n', lastIndex: 8, lastTerm: 2, lastDigest: digest(8) },
    identity,
    hardState: { term: 2, vote: 'n', commit: 0 },
    log: {
      start: position(5),
      last: position(9),
      digestAt: (index) => (index > 5 && index <= 9 ? position(index) : undefined),
    },
    appliedIndex: 7,
  };
  const end = (index: number, term = 2): Opened['log'] => ({
    ...whole.log,
    last: position(index, term),
    digestAt: (at) => (at > 5 && at <= index ? position(at, term) : undefined),
  });

  for (const [what, change] of [
    ['a database that is ahead by a batch', {}],
    ['a database that is level', { log: end(8), appliedIndex: 8 }],
    [
      'a later term that the crash kept from the checkpoint',
      { hardState: { term: 3, vote: 'n', commit: 0 } },
    ],
    ['a log that a later leader cut', { log: end(7, 3) }],
    [
      'a log compacted beyond the checkpoint',
      { log: { start: position(9), last: position(9), digestAt: () => undefined }, appliedIndex: 9 },
    ],
  ] as const) {
    test(`${what} is believed`, () => verifyCheckpoint({ ...whole, ...change }));
  }

  for (const [what, change] of [
    ['of another node', { identity: { clusterId: 'c', nodeId: 'other' } }],
    ['of another cluster', { identity: { clusterId: 'other', nodeId: 'n' } }],
    ['with an older term', { hardState: { term: 1, vote: 'n', commit: 0 } }],
    ['with another vote in the same term', { hardState: { term: 2, vote: 'x', commit: 0 } }],
    ['whose log ends earlier', { log: end(7) }],
    ['with another entry in that place', { checkpoint: { ...whole.checkpoint, lastDigest: digest(1) } }],
    [
      'with another entry before its log',
      { checkpoint: { ...whole.checkpoint, lastIndex: 5, lastDigest: digest(1) } },
    ],
    ['applied further than its log', { appliedIndex: 10 }],
    ['applied less than its log let go of', { appliedIndex: 4 }],
  ] as const) {
    test(`a database ${what} is refused`, () => {
      assert.throws(() => verifyCheckpoint({ ...whole, ...change }), { code: 'store.damaged' });
    });
  }
});
