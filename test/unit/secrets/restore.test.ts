// SPDX-License-Identifier: Apache-2.0
// The rules by which a secret of a backup is put back.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CofferError, SecretValue } from '../../../src/common/index.ts';
import {
  applyCommand,
  checkCommand,
  type Command,
  DESTROYED_KEPT,
  encodeRequest,
  LABELS_BYTES_MAX,
  type Outcome,
  RESTORED_BYTES_MAX,
  type RestoredVersion,
  type RestoreSecret,
  VALUE_BYTES_MAX,
  VERSIONS_KEPT,
} from '../../../src/secrets/index.ts';
import { MESSAGE_LIMITS } from '../../../src/raft/index.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { SecretIndex } from '../../../src/store/index.ts';

const version = (number: number, text = `value ${number}`): RestoredVersion => ({
  number,
  createdAt_ms: 1_000 + number,
  value: SecretValue.copyOf(Buffer.from(text)),
});

const restore = (more: Partial<RestoreSecret> = {}): RestoreSecret => ({
  kind: 'restore',
  id: 'id-db',
  name: 'db',
  labels: { env: 'prod' },
  origin: 'gateway',
  existing: 'refuse',
  createdAt_ms: 7,
  updatedAt_ms: 9,
  versions: [version(4), version(6)],
  destroyed: [],
  ...more,
});

const put = (name: string, id: string, text = 'present'): Command => ({
  kind: 'put',
  id,
  name,
  labels: undefined,
  origin: 'control',
  expect: 'always',
  value: SecretValue.copyOf(Buffer.from(text)),
  at_ms: 1,
});

const gone = (...numbers: readonly number[]): RestoreSecret['destroyed'] =>
  numbers.map((number) => ({ number, createdAt_ms: 1, size: 1, destroyedAt_ms: 2 }));

const text = (store: MemoryStore, id: string, number: number): string =>
  store.readValue(id, number).expose().toString();

const refusedWith = (code: string) => (thrown: unknown) =>
  thrown instanceof CofferError && thrown.code === code;

describe('a secret that is restored', () => {
  test('is what it was: id, name, labels, origin, times, numbers and values', async () => {
    const store = new MemoryStore();
    await store.propose(put('other', 'id-other'));
    const { secret } = await store.propose(restore());
    assert.deepEqual(secret, {
      id: 'id-db',
      name: 'db',
      labels: { env: 'prod' },
      origin: 'gateway',
      pending: false,
      engine: undefined,
      versions: [
        { number: 4, createdAt_ms: 1_004, size: 7 },
        { number: 6, createdAt_ms: 1_006, size: 7 },
      ],
      destroyed: [],
      createdAt_ms: 7,
      updatedAt_ms: 9,
      modifiedIndex: 2,
    });
    assert.deepEqual([text(store, 'id-db', 4), text(store, 'id-db', 6)], ['value 4', 'value 6']);
    const next = await store.propose(put('DB', 'ignored', 'seventh'));
    assert.equal(next.secret?.versions.at(-1)?.number, 7, 'a new version has the next number');
  });

  test('has its current value from the first command on, and its older versions after the next ones', async () => {
    const store = new MemoryStore();
    await store.propose(restore());
    const { secret } = await store.propose({
      kind: 'restore-versions',
      id: 'id-db',
      versions: [version(1), version(3)],
    });
    assert.deepEqual(
      secret?.versions.map(({ number }) => number),
      [1, 3, 4, 6],
    );
    assert.equal(text(store, 'id-db', 1), 'value 1');
    assert.equal(secret?.updatedAt_ms, 9);
  });

  test('still knows which versions were destroyed, and takes none of them back', async () => {
    const store = new MemoryStore();
    const { secret } = await store.propose(restore({ destroyed: gone(2, 5) }));
    assert.deepEqual(secret?.destroyed, gone(2, 5));
    const older = (number: number): Command => ({
      kind: 'restore-versions',
      id: 'id-db',
      versions: [version(number)],
    });
    await assert.rejects(store.propose(older(2)), refusedWith('secret.version-conflict'));
    assert.deepEqual((await store.propose(older(3))).secret?.destroyed, gone(2, 5));
  });

  test('gives way to a name or an id that is there, whatever the case', async () => {
    const store = new MemoryStore();
    await store.propose(put('DB', 'id-there'));
    await store.propose(put('other', 'id-other'));
    await assert.rejects(store.propose(restore()), refusedWith('secret.exists'));
    await assert.rejects(
      store.propose(restore({ name: 'new', id: 'id-other' })),
      refusedWith('secret.exists'),
    );
    assert.equal(text(store, 'id-there', 1), 'present');
    assert.equal(store.list().length, 2);
  });

  test('takes the place of all that has its name or its id, where it is told to', async () => {
    const store = new MemoryStore();
    await store.propose(put('DB', 'id-there'));
    await store.propose(put('DB', 'id-there', 'second'));
    await store.propose(put('other', 'id-db'));
    const engine = { secretId: 'engine-id', swarmId: 'swarm' };
    await store.propose({ kind: 'activate', id: 'id-there', engine, at_ms: 2 });
    const { secret } = await store.propose(restore({ existing: 'replace' }));
    assert.deepEqual(
      store.list().map(({ id, name }) => [id, name]),
      [['id-db', 'db']],
    );
    assert.deepEqual(secret?.engine, engine, 'the engine still knows the name under its own id');
    assert.equal(text(store, 'id-db', 6), 'value 6');
    assert.throws(() => store.readValue('id-there', 2), 'no value is left behind');
  });

  test('of the same id and version numbers keeps no value of the one before', async () => {
    const store = new MemoryStore();
    await store.propose(restore());
    await store.propose(restore({ existing: 'replace', versions: [version(6, 'other')] }));
    assert.equal(text(store, 'id-db', 6), 'other');
    assert.throws(() => store.readValue('id-db', 4));
  });

  test('does not take the place of one that is being created', async () => {
    const store = new MemoryStore();
    const value = SecretValue.copyOf(Buffer.from('x'));
    const create = {
      kind: 'create',
      id: 'p',
      name: 'db',
      labels: {},
      origin: 'gateway',
      pending: true,
    } as const;
    await store.propose({ ...create, value, at_ms: 1 });
    await assert.rejects(store.propose(restore({ existing: 'replace' })), refusedWith('secret.exists'));
  });

  test('takes no older versions that are not older, too many, or of a secret that is gone', async () => {
    const store = new MemoryStore();
    const older = (id: string, ...numbers: readonly number[]): Command => ({
      kind: 'restore-versions',
      id,
      versions: numbers.map((number) => version(number)),
    });
    await store.propose(restore());
    await assert.rejects(store.propose(older('id-db', 4)), refusedWith('secret.version-conflict'));
    await assert.rejects(store.propose(older('id-db', 3, 2)), refusedWith('secret.version-conflict'));
    await assert.rejects(store.propose(older('id-db')), refusedWith('secret.version-conflict'));
    await assert.rejects(store.propose(older('gone', 1)), refusedWith('secret.not-found'));
    await store.propose(restore({ id: 'many', name: 'many', versions: numbered(20, VERSIONS_KEPT) }));
    await assert.rejects(store.propose(older('many', 1)), refusedWith('secret.version-conflict'));
  });
});

const numbered = (first: number, count: number): readonly RestoredVersion[] =>
  Array.from({ length: count }, (_, offset) => version(first + offset));

const refusal = (outcome: Outcome): string => (outcome.kind === 'refused' ? outcome.error.code : 'applied');

describe('what is restored', () => {
  test('is refused by the rules where no secret could be so, whatever was checked before', () => {
    for (const [more, code] of [
      [{ name: '-' }, 'secret.name-invalid'],
      [{ labels: { key: 'v'.repeat(600_000) } }, 'secret.label-invalid'],
      [{ versions: [version(1, '')] }, 'secret.value-size'],
      [{ versions: [version(2), version(2)] }, 'secret.version-conflict'],
      [{ versions: [version(0)] }, 'secret.version-conflict'],
      [{ versions: [] }, 'secret.version-conflict'],
      [{ versions: numbered(1, VERSIONS_KEPT + 1) }, 'secret.version-conflict'],
      [{ destroyed: gone(4) }, 'secret.version-conflict'],
      [{ destroyed: gone(7) }, 'secret.version-conflict'],
      [{ destroyed: gone(2, 1) }, 'secret.version-conflict'],
      [{ destroyed: gone(0) }, 'secret.version-conflict'],
      [
        {
          versions: [version(20)],
          destroyed: gone(...Array.from({ length: DESTROYED_KEPT + 1 }, (_, place) => place + 1)),
        },
        'secret.version-conflict',
      ],
    ] as const) {
      assert.equal(refusal(applyCommand(new SecretIndex(), restore(more), 1)), code);
    }
  });

  test('is an entry that managers send, with as many values and labels as there can be', () => {
    const sign = (number: number): string => String.fromCharCode(33 + (number % 94));
    const key = (place: number): string => sign(place) + sign(place / 94) + sign(place / 94 ** 2);
    const count = Math.floor(LABELS_BYTES_MAX / 3);
    const labels = Object.fromEntries(Array.from({ length: count }, (_, place) => [key(place), '']));
    assert.equal(Object.keys(labels).length, count);
    const size = Math.floor(RESTORED_BYTES_MAX / VERSIONS_KEPT);
    const versions = numbered(1, VERSIONS_KEPT).map(({ number }) => version(number, 'v'.repeat(size)));
    const command = restore({ labels, versions, name: 'n'.repeat(64) });
    checkCommand(command);
    const request = { id: '0'.repeat(32), baseIndex: 1, proposer: 1, command };
    assert.ok(encodeRequest(request).length < MESSAGE_LIMITS.entryData_bytes);
  });

  test('is refused before it comes into the log where it is too large for one entry', () => {
    const large = 'v'.repeat(VALUE_BYTES_MAX);
    checkCommand(restore({ versions: [version(1, large), version(2, large)] }));
    assert.ok(3 * VALUE_BYTES_MAX > RESTORED_BYTES_MAX);
    const versions = [version(1, large), version(2, large), version(3, large)];
    assert.throws(() => checkCommand(restore({ versions })), refusedWith('request.invalid'));
    assert.throws(
      () => checkCommand({ kind: 'restore-versions', id: 'i', versions }),
      refusedWith('request.invalid'),
    );
  });
});
