// SPDX-License-Identifier: Apache-2.0
// The state's records as bytes, what they add up to, and what is made of them at a start.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { ByteReader, ByteWriter, CofferError } from '../../../src/common/index.ts';
import { Keyring } from '../../../src/crypto/index.ts';
import type { ConfState } from '../../../src/raft/index.ts';
import { type AppliedRequest, DELIVERIES_KEPT, ORIGINS, type Secret } from '../../../src/secrets/index.ts';
import { SecretIndex } from '../../../src/store/index.ts';
import {
  decodePage,
  decodeSecret,
  DELIVERY_PAGES,
  encodePage,
  encodeSecret,
  readConfState,
  REQUEST_PAGES,
  sameConfState,
  writeConfState,
} from '../../../src/store/state/record-codec.ts';
import { StateDigest } from '../../../src/store/state/state-digest.ts';
import { deliveryOf } from '../../support/deliveries.ts';

/** A record as an object literal makes it: fast-check also makes ones without a prototype. */
const plainRecord = <T>(model: { readonly [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(model, { noNullPrototype: true });

const id = fc.string({ maxLength: 25 });
const version = {
  number: fc.nat(0xffff_ffff),
  createdAt_ms: fc.maxSafeNat(),
  size: fc.nat(511_999),
};
const secret: fc.Arbitrary<Secret> = plainRecord({
  id,
  name: fc.string({ maxLength: 20 }),
  labels: fc.dictionary(fc.string(), fc.string(), { maxKeys: 4, noNullPrototype: true }),
  origin: fc.constantFrom(...ORIGINS),
  pending: fc.boolean(),
  engine: fc.option(plainRecord({ secretId: id, swarmId: id }), { nil: undefined }),
  versions: fc.array(
    fc.oneof(
      plainRecord(version),
      plainRecord({ ...version, copyOf: fc.integer({ min: 1, max: 0xffff_ffff }) }),
    ),
    { minLength: 1, maxLength: 10 },
  ),
  destroyed: fc.array(plainRecord({ ...version, destroyedAt_ms: fc.maxSafeNat() }), { maxLength: 10 }),
  createdAt_ms: fc.maxSafeNat(),
  updatedAt_ms: fc.maxSafeNat(),
  modifiedIndex: fc.maxSafeNat(),
});
const delivery = plainRecord({
  taskId: id,
  secretId: id,
  name: fc.string({ maxLength: 20 }),
  version: fc.nat(0xffff_ffff),
  pinned: fc.boolean(),
  at_ms: fc.maxSafeNat(),
});

const deliveryPage = fc.array(delivery, { minLength: 1, maxLength: DELIVERY_PAGES.slots });
const appliedRequest: fc.Arbitrary<AppliedRequest> = plainRecord({
  id: fc.stringMatching(/^[0-9a-f]{32}$/),
  index: fc.maxSafeNat(),
  secretId: fc.option(id, { nil: undefined }),
  refusal: fc.constantFrom(undefined, 'secret.exists' as const, 'secret.not-found' as const),
});
const requestPage = fc.array(appliedRequest, { minLength: 1, maxLength: REQUEST_PAGES.slots });
const nodeIds = fc.array(fc.nat(2 ** 31), { maxLength: 4 });
const confState: fc.Arbitrary<ConfState> = plainRecord({
  voters: nodeIds,
  learners: nodeIds,
  votersOutgoing: nodeIds,
  learnersNext: nodeIds,
  autoLeave: fc.boolean(),
});
const decodeConfState = (bytes: Buffer): ConfState => {
  const reader = new ByteReader(bytes, 'it');
  const read = readConfState(reader);
  reader.finish();
  return read;
};

describe("the state's records", () => {
  test('give back what was written', () => {
    fc.assert(fc.property(secret, (each) => assert.deepEqual(decodeSecret(encodeSecret(each)), each)));
  });

  test('of deliveries, requests and configurations give back what was written', () => {
    fc.assert(
      fc.property(deliveryPage, fc.nat(1_249), (held, page) =>
        assert.deepEqual(decodePage(DELIVERY_PAGES, encodePage(DELIVERY_PAGES, { page, held })), {
          page,
          held,
        }),
      ),
    );
    fc.assert(
      fc.property(requestPage, fc.nat(2_047), (held, page) =>
        assert.deepEqual(decodePage(REQUEST_PAGES, encodePage(REQUEST_PAGES, { page, held })), {
          page,
          held,
        }),
      ),
    );
    fc.assert(
      fc.property(confState, confState, (each, other) => {
        assert.deepEqual(decodeConfState(writeConfState(new ByteWriter(), each).finish()), each);
        assert.equal(sameConfState(each, other), isDeepStrictEqual(each, other));
        assert.ok(sameConfState(each, { ...each }));
      }),
    );
  });

  test('that were cut or altered throw nothing but store.damaged', () => {
    const records = fc.oneof(
      secret.map(encodeSecret),
      deliveryPage.map((held) => encodePage(DELIVERY_PAGES, { page: 1, held })),
      requestPage.map((held) => encodePage(REQUEST_PAGES, { page: 1, held })),
      confState.map((each) => writeConfState(new ByteWriter(), each).finish()),
    );
    fc.assert(
      fc.property(records, fc.nat(), fc.nat(255), fc.boolean(), (record, at, byte, cut) => {
        const position = at % record.length;
        const altered = cut
          ? record.subarray(0, position)
          : Buffer.from(record).fill(byte, position, position + 1);
        const decodeDeliveries = (bytes: Buffer): unknown => decodePage(DELIVERY_PAGES, bytes);
        const decodeRequests = (bytes: Buffer): unknown => decodePage(REQUEST_PAGES, bytes);
        for (const decode of [decodeSecret, decodeDeliveries, decodeRequests, decodeConfState]) {
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
        there.forEach((text) => straight.add('secret', Buffer.from(text)));
        [...texts].reverse().forEach((text) => winding.add('secret', Buffer.from(text)));
        assert.ok(!winding.equals(straight));
        gone.forEach((text) => winding.remove('secret', Buffer.from(text)));
        assert.ok(winding.equals(straight));
        assert.ok(winding.equals(new StateDigest(keyring, winding.sum, winding.count)));
      }),
    );
  });
});

describe('the digest of the state, of two kinds', () => {
  test('tells a record of one kind from the same bytes of another', () => {
    const keyring = Keyring.generate();
    const [one, other] = [new StateDigest(keyring), new StateDigest(keyring)];
    one.add('secret', Buffer.from('bytes'));
    other.add('delivery', Buffer.from('bytes'));
    assert.ok(!one.equals(other));
  });
});

describe('the deliveries that are read from the disk', () => {
  test('count as they did before, also where the ring begins anew', () => {
    const live = new SecretIndex();
    const record = (taskId: string, version: number): void =>
      live.apply({
        kind: 'put-delivery',
        slot: live.deliveriesRecorded % DELIVERIES_KEPT,
        delivery: deliveryOf(taskId, 's', version, { at_ms: live.deliveriesRecorded }),
      });
    for (let number = 0; number < DELIVERIES_KEPT - 2; number += 1) {
      record(`t${number}`, 1);
    }
    // The older one in the last slots, the newer one in the first.
    for (const version of [2, 3, 4]) {
      record('again', version);
    }
    assert.equal(live.deliveries.deliveredVersion('again', 's'), 4);
    const reopened = new SecretIndex();
    reopened.deliveries.restore(live.deliveries.from(0, DELIVERIES_KEPT), live.deliveriesRecorded);
    assert.equal(reopened.deliveries.deliveredVersion('again', 's'), 4);
    assert.equal(reopened.deliveries.deliveredVersion('t0', 's'), undefined);
    assert.equal(reopened.deliveries.deliveredVersion('t1', 's'), 1);
    assert.equal(reopened.deliveriesRecorded, live.deliveriesRecorded);
    const listed = live.deliveries.list();
    assert.deepEqual(reopened.deliveries.list(), listed);
    assert.equal(listed.length, DELIVERIES_KEPT);
    assert.deepEqual([listed[0]?.taskId, listed.at(-1)?.version], ['t1', 4], 'oldest first');
  });
});
