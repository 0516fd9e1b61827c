// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CofferError, SecretValue } from '../../../src/common/index.ts';
import type { EngineSecret } from '../../../src/engine/index.ts';
import { Adoption } from '../../../src/import/adoption.ts';
import { planImport } from '../../../src/import/plan.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { putValue } from '../../support/test-store.ts';

const SECRETS = ['a', 'b', 'c'].map(
  (name): EngineSecret => ({
    id: `id-${name}`,
    name,
    driver: undefined,
    labels: {},
    createdAt: '',
    versionIndex: 1,
  }),
);

function adoptionOf(store: MemoryStore): Adoption {
  const isStored = (name: string): boolean => store.byName(name) !== undefined;
  return new Adoption(store, planImport({ secrets: SECRETS, services: [], isStored }, []), () => 1_000);
}

async function take(adoption: Adoption, ...texts: readonly string[]): Promise<readonly string[]> {
  const values = texts.map((text) => SecretValue.copyOf(Buffer.from(text)));
  await adoption.take(SECRETS.slice(0, texts.length), values);
  assert.ok(
    values.every((value, at) => value.byteLength === texts[at]?.length),
    'they stay the caller’s',
  );
  return adoption
    .told()
    .map(({ name, note = '', size = 0, state, version = 0 }) =>
      [name, state, version, size, note].join(' ').trim(),
    );
}

test('what coffer does not have it has afterwards, what is the same stays, and what is another is kept', async () => {
  const store = new MemoryStore();
  await putValue(store, 'B', Buffer.from('same'));
  await putValue(store, 'c', Buffer.from('other'));
  const adoption = adoptionOf(store);
  assert.deepEqual(await take(adoption, 'new', 'same', 'mine'), [
    'a imported 1 3',
    'b there 1 4',
    'c left-out 0 0 coffer has another value under this name, which is kept',
  ]);
  assert.deepEqual(
    adoption.ready().map(({ engine }) => engine.name),
    ['a', 'b'],
  );
  const kept = store.byName('c');
  assert.equal(kept?.versions.length, 1);
  assert.equal(
    store
      .readValue(kept?.id ?? '', 1)
      .expose()
      .toString(),
    'other',
  );
});

test('a second import finds all there, and changes nothing', async () => {
  const store = new MemoryStore();
  await take(adoptionOf(store), 'one', 'two', 'three');
  const before = JSON.stringify(store.list());
  assert.deepEqual(await take(adoptionOf(store), 'one', 'two', 'three'), [
    'a there 1 3',
    'b there 1 3',
    'c there 1 5',
  ]);
  assert.equal(JSON.stringify(store.list()), before);
});

test('a value that is refused keeps none of the others back', async () => {
  const store = new MemoryStore();
  await putValue(store, 'b', Buffer.from('same'));
  store.proposeError = new CofferError('store.disk-full', 'the disk is full');
  assert.deepEqual(await take(adoptionOf(store), 'new', 'same'), [
    'a failed 0 0 the disk is full',
    'b there 1 4',
    'c waiting 0 0',
  ]);
});
