// SPDX-License-Identifier: Apache-2.0
// What is written down of sealing keys and sealed values, and that the API is no way to a value.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { activeKeyOf } from '../../../src/control/sealing-keys.ts';
import { ClusterIndex } from '../../../src/membership/index.ts';
import { openSealed } from '../../../src/sealing/index.ts';
import type { SecretStore } from '../../../src/store/index.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { RecordingAudit } from '../../support/recording-audit.ts';
import { addSealingKey, sealedFor } from '../../support/sealed-values.ts';
import { type Harness, send, withControl } from './control-harness.ts';

async function withAudit(
  work: (harness: Harness & { readonly auditor: RecordingAudit }) => Promise<void>,
): Promise<void> {
  const auditor = new RecordingAudit();
  const nothing = (): Promise<never> => Promise.reject(new Error('nobody asks for it'));
  const audit = { auditor, select: nothing, verify: nothing, acknowledge: nothing };
  await withControl({ audit }, (harness) => work({ ...harness, auditor }));
}

test('each sealing key that is made or forgotten leaves a record, and looking at one does not', async () => {
  await withAudit(async (harness) => {
    const { auditor } = harness;
    const idOf = ({ json }: { readonly json: unknown }): string => (json as { readonly id: string }).id;
    const first = idOf(await send(harness, 'GET', '/v1/sealing-key'));
    assert.equal(idOf(await send(harness, 'GET', '/v1/sealing-key')), first);
    const second = idOf(await send(harness, 'POST', '/v1/sealing-key/rotate'));
    await send(harness, 'DELETE', `/v1/sealing-key/${first}`);
    const refused = await send(harness, 'DELETE', `/v1/sealing-key/${first}`);
    assert.equal(refused.status, 404);
    const common = { event: 'sealing-key', by: 'control' };
    assert.deepEqual(auditor.records, [
      { ...common, detail: `made ${first}` },
      { ...common, detail: `made ${second}` },
      { ...common, detail: `forgot ${first}` },
      {
        ...common,
        code: 'sealing.key-not-found',
        detail: `DELETE /v1/sealing-key/${first}`,
      },
    ]);
  });
});

test('of two managers that make the first key at the same time, both answer with the one that was made', async () => {
  const store = new MemoryStore();
  const first = await addSealingKey(store);
  // As one that has not heard of it yet, until its own proposal is refused.
  let views = 0;
  const behind: SecretStore = new Proxy(store, {
    get(target, property) {
      views += property === 'cluster' ? 1 : 0;
      const value: unknown = Reflect.get(target, property, target);
      if (property === 'cluster' && views === 1) {
        return new ClusterIndex();
      }
      const own: unknown = typeof value === 'function' ? value.bind(target) : value;
      return own;
    },
  });
  assert.deepEqual((await activeKeyOf(behind, 2_000)).key.id, first.id);
  assert.equal(store.cluster.sealingKeys().length, 1);
});

test('a value is sealed anew for its own secret alone, and nothing of it is told', async () => {
  await withAudit(async (harness) => {
    const { auditor, store } = harness;
    const scope = { name: 'shop_db', stack: 'shop' };
    const before = sealedFor(await addSealingKey(store), scope, 'a secret value');
    await addSealingKey(store, 2_000);
    const { json, status, text } = await send(harness, 'POST', '/v1/reseal', Buffer.from(before));
    const { changed, sealed } = json as { readonly changed: boolean; readonly sealed: string };
    assert.deepEqual([status, changed], [200, true]);
    assert.equal(openSealed(store.cluster, sealed, scope).expose().toString(), 'a secret value');
    assert.throws(() => openSealed(store.cluster, sealed, { ...scope, stack: '' }), { code: 'sealed.scope' });
    assert.ok(!`${text}${JSON.stringify(auditor.records)}`.includes('a secret value'));
    for (const [query, body, expected] of [
      ['?stack=other', before, 400],
      ['', `${before}${'A'.repeat(1_000_000)}`, 413],
    ] as const) {
      assert.equal((await send(harness, 'POST', `/v1/reseal${query}`, Buffer.from(body))).status, expected);
    }
    const altered = `${before.slice(0, -8)}AAAAAAAA`;
    const damaged = await send(harness, 'POST', '/v1/reseal', Buffer.from(altered));
    assert.deepEqual(damaged.json, {
      sealed: altered,
      changed: false,
      problem: {
        code: 'sealed.invalid',
        message: 'the sealed value is cut short or was altered: it is not what was sealed',
        hint: 'Seal the value again: docker coffer seal --name NAME -',
      },
    });
  });
});
