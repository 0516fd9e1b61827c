// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { CofferError, SecretValue } from '../../../src/common/index.ts';
import {
  checkCommand,
  type Command,
  decodeCommand,
  encodeCommand,
  ORIGINS,
} from '../../../src/secrets/index.ts';

/** A record as an object literal makes it: fast-check also makes ones without a prototype. */
const plainRecord = <T>(model: { readonly [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(model, { noNullPrototype: true });

const id = fc.string({ minLength: 1, maxLength: 25 });
const name = fc.stringMatching(/^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,30}[a-zA-Z0-9])?$/);
const at_ms = fc.maxSafeNat();
const origin = fc.constantFrom(...ORIGINS);
const labels = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), {
  maxKeys: 5,
  noNullPrototype: true,
});
const value = fc.uint8Array({ minLength: 1, maxLength: 100 }).map((bytes) => SecretValue.copyOf(bytes));
const engine = plainRecord({ secretId: id, swarmId: id });
const version = fc.nat(0xffff_ffff);
const versions = fc.array(plainRecord({ number: version, createdAt_ms: at_ms, value }), { maxLength: 10 });
const destroyed = fc.array(
  plainRecord({
    number: version,
    createdAt_ms: at_ms,
    size: fc.integer({ min: 1, max: 511_999 }),
    destroyedAt_ms: at_ms,
  }),
  { maxLength: 10 },
);
const service = plainRecord({
  id,
  name,
  state: fc.constantFrom('waiting' as const, 'left-out' as const),
  note: fc.string({ maxLength: 50 }),
  forceUpdate: fc.maxSafeNat(),
  versionIndex: fc.maxSafeNat(),
  updateStartedAt: fc.string({ maxLength: 30 }),
});
const kind = <K extends Command['kind']>(of: K): fc.Arbitrary<K> => fc.constant(of);

const command: fc.Arbitrary<Command> = fc.oneof(
  plainRecord({ kind: kind('create'), id, name, labels, origin, pending: fc.boolean(), value, at_ms }),
  plainRecord({ kind: kind('activate'), id, engine, at_ms }),
  plainRecord({
    kind: kind('put'),
    id,
    name,
    labels: fc.option(labels, { nil: undefined }),
    origin,
    expect: fc.oneof(fc.constantFrom('always' as const, 'absent' as const), version),
    value,
    at_ms,
  }),
  plainRecord({
    kind: kind('set-labels'),
    id,
    labels,
    expectIndex: fc.option(fc.maxSafeNat(), { nil: undefined }),
    at_ms,
  }),
  plainRecord({
    kind: kind('rollback'),
    id,
    version,
    expect: fc.option(version, { nil: undefined }),
    at_ms,
  }),
  plainRecord({ kind: kind('destroy'), id, numbers: fc.array(version, { maxLength: 20 }), at_ms }),
  plainRecord({ kind: kind('prune'), id, keep: fc.integer({ min: 1, max: 10 }), at_ms }),
  plainRecord({
    kind: kind('rotate'),
    id,
    rotationId: id,
    expect: fc.option(version, { nil: undefined }),
    services: fc.array(service, { maxLength: 5 }),
    timeout_ms: at_ms,
    value,
    at_ms,
  }),
  plainRecord({
    kind: kind('revert-rotation'),
    id,
    restore: fc.boolean(),
    problem: fc.string({ maxLength: 50 }),
    at_ms,
  }),
  plainRecord({ kind: kind('remove'), id }),
  plainRecord({
    kind: kind('record-deliveries'),
    deliveries: fc.array(
      plainRecord({ taskId: id, secretId: id, name, version, pinned: fc.boolean(), at_ms }),
      { maxLength: 5 },
    ),
  }),
  plainRecord({
    kind: kind('restore'),
    id,
    name,
    labels,
    origin,
    existing: fc.constantFrom('refuse' as const, 'replace' as const),
    createdAt_ms: at_ms,
    updatedAt_ms: at_ms,
    versions,
    destroyed,
  }),
  plainRecord({ kind: kind('restore-versions'), id, versions }),
);

/** The command with its value in a form that can be compared. */
const plain = (each: Command): unknown => {
  if ('versions' in each) {
    const inClear = each.versions.map((one) => ({ ...one, value: one.value.expose().toString('hex') }));
    return { ...each, versions: inClear };
  }
  return 'value' in each ? { ...each, value: each.value.expose().toString('hex') } : each;
};

function decodeOrDamaged(bytes: Uint8Array): Command | undefined {
  try {
    return decodeCommand(bytes);
  } catch (error) {
    assert.ok(error instanceof CofferError && error.code === 'store.damaged', String(error));
    return undefined;
  }
}

describe("a command's bytes", () => {
  test('give back every command that may enter the log', () => {
    fc.assert(
      fc.property(command, (each) => {
        checkCommand(each);
        assert.deepEqual(plain(decodeCommand(encodeCommand(each))), plain(each));
      }),
    );
  });

  test('are the same for the same labels in another order, and keep labels of any name', () => {
    const bytes = (of: Record<string, string>): Buffer =>
      encodeCommand({ kind: 'set-labels', id: 'i', labels: of, expectIndex: undefined, at_ms: 1 });
    assert.deepEqual(bytes({ a: '1', b: '2' }), bytes({ b: '2', a: '1' }));
    const odd = Object.fromEntries([
      ['__proto__', 'p'],
      ['constructor', 'c'],
      ['', 'empty'],
    ]);
    const decoded = decodeCommand(bytes(odd));
    assert.ok(decoded.kind === 'set-labels');
    assert.deepEqual(new Map(Object.entries(decoded.labels)), new Map(Object.entries(odd)));
  });

  test('that are cut anywhere are damaged, and so are bytes left over', () => {
    fc.assert(
      fc.property(command, fc.nat(), (each, cut) => {
        const bytes = encodeCommand(each);
        assert.equal(decodeOrDamaged(bytes.subarray(0, cut % bytes.length)), undefined);
        assert.equal(decodeOrDamaged(Buffer.concat([bytes, Buffer.of(0)])), undefined);
      }),
    );
  });

  test('that were altered, or are any bytes at all, throw nothing but store.damaged', () => {
    fc.assert(
      fc.property(
        command,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (each, edits) => {
          const bytes = encodeCommand(each);
          for (const [at, byte] of edits) {
            bytes[at % bytes.length] = byte;
          }
          decodeOrDamaged(bytes);
        },
      ),
      { numRuns: 1_000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void decodeOrDamaged(Buffer.of(1, ...bytes))),
    );
  });

  test('hold a copy of the value: the caller may wipe its own', () => {
    const own = SecretValue.copyOf(Buffer.from('value'));
    const bytes = encodeCommand({
      kind: 'create',
      id: 'i',
      name: 'n',
      labels: {},
      origin: 'control',
      pending: false,
      value: own,
      at_ms: 1,
    });
    own.wipe();
    const decoded = decodeCommand(bytes);
    bytes.fill(0);
    assert.ok(decoded.kind === 'create');
    assert.equal(decoded.value.expose().toString(), 'value');
  });
});
