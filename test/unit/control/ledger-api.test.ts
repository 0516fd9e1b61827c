// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import type { Ledger, LedgerEntry, LedgerReply } from '../../../src/control/index.ts';
import { putValue } from '../../support/test-store.ts';
import { codeOf, send, withControl } from './control-harness.ts';

function entry(secret: string, task: string): LedgerEntry {
  const node = { id: 'n', hostname: 'web-1' };
  return { secret, state: 'unknown', pinned: false, via: 'secret', task, node };
}

const LEDGER: Ledger = {
  entries: [entry('db', 't1'), entry('removed', 't1'), entry('db', 't2')],
  gaps: [{ code: 'engine.refused', message: 'something is missing' }],
};

test('the ledger is served whole, or of one secret, with what it lacks and how sure it is', async () => {
  await withControl({ ledger: async () => LEDGER }, async (harness) => {
    const tasksOf = async (query: string): Promise<readonly string[]> => {
      const { json, status } = await send(harness, 'GET', `/v1/ledger${query}`);
      assert.equal(status, 200);
      const { entries, freshness, gaps } = json as LedgerReply;
      assert.deepEqual([freshness, gaps], [harness.store.freshness, LEDGER.gaps]);
      return entries.map(({ secret, task }) => `${secret} ${task}`);
    };
    assert.deepEqual(await tasksOf(''), ['db t1', 'removed t1', 'db t2']);
    assert.deepEqual(await tasksOf('?secret=DB'), ['db t1', 'db t2']);
    assert.deepEqual(await tasksOf('?secret=removed'), ['removed t1'], 'though there is no such secret');
    await putValue(harness.store, 'unused', Buffer.from('value'));
    harness.store.freshness = 'local';
    assert.deepEqual(await tasksOf('?secret=unused'), []);
    const mistaken = await send(harness, 'GET', '/v1/ledger?secret=dv');
    assert.deepEqual([mistaken.status, codeOf(mistaken)], [404, 'secret.not-found']);
    for (const query of ['?name=db', `?secret=${'x'.repeat(65)}`, '?secret=a&secret=b']) {
      assert.equal(codeOf(await send(harness, 'GET', `/v1/ledger${query}`)), 'request.invalid');
    }
  });
});

test('while the engine cannot be asked there is no ledger, instead of one in which nobody holds anything', async () => {
  const ledger = async (): Promise<Ledger> => {
    throw new CofferError('engine.unreachable', 'the engine does not answer');
  };
  await withControl({ ledger }, async (harness) => {
    const reply = await send(harness, 'GET', '/v1/ledger');
    assert.deepEqual([reply.status, codeOf(reply)], [502, 'engine.unreachable']);
  });
});
