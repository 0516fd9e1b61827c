// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Auditor } from '../../../src/audit/index.ts';
import { CofferError, type LogFields, silentLogger } from '../../../src/common/index.ts';
import type { DestroyReply, PruneReply, RollbackReply } from '../../../src/control/index.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import { putValue } from '../../support/test-store.ts';
import { codeOf, send, withControl } from './control-harness.ts';

/** A secret `db` with these values as versions 1 and on. */
async function fill(store: MemoryStore, ...values: readonly string[]): Promise<string> {
  let id = '';
  for (const value of values) {
    ({ id } = await putValue(store, 'db', Buffer.from(value)));
  }
  return id;
}

test('a rollback answers with the new version and the one that it is again, and with no value', async () => {
  await withControl({ now_ms: () => 5_000 }, async (harness) => {
    const id = await fill(harness.store, 'hunter1', 'hunter2', 'hunter3');
    const back = async (query: string): Promise<readonly number[]> => {
      const { json, status, text } = await send(harness, 'POST', `/v1/secrets/DB/rollback${query}`);
      const { from, secret } = json as RollbackReply;
      assert.deepEqual([status, secret.updatedAt_ms, text.includes('hunter')], [200, 5_000, false]);
      return [secret.version, from];
    };
    assert.deepEqual(await back(''), [4, 2]);
    assert.deepEqual(await back('?version=1&expect=4'), [5, 1]);
    assert.deepEqual(await back('?expect=5'), [6, 4]);
    assert.deepEqual(
      [4, 5, 6].map((version) => harness.store.readValue(id, version).expose().toString()),
      ['hunter2', 'hunter1', 'hunter2'],
    );
  });
});

test('a rollback is refused for what cannot be gone back to', async () => {
  await withControl({}, async (harness) => {
    const refused = async (target: string): Promise<unknown> => {
      const reply = await send(harness, 'POST', `/v1/secrets/${target}`);
      return [reply.status, codeOf(reply)];
    };
    await fill(harness.store, 'one');
    assert.deepEqual(await refused('db/rollback'), [404, 'secret.version-not-found'], 'there is none before');
    await fill(harness.store, 'two');
    for (const [target, status, code] of [
      ['nothing/rollback', 404, 'secret.not-found'],
      ['db/rollback?version=3', 404, 'secret.version-not-found'],
      ['db/rollback?version=2', 409, 'secret.version-current'],
      ['db/rollback?version=1&expect=1', 409, 'secret.version-conflict'],
      ['db/rollback?version=0', 400, 'request.invalid'],
      ['db/rollback?version=-1', 400, 'request.invalid'],
      ['db/rollback?versoin=1', 400, 'request.invalid'],
    ] as const) {
      assert.deepEqual(await refused(target), [status, code], target);
    }
    assert.equal(harness.store.byName('db')?.versions.length, 2);
  });
});

test('versions are destroyed together, and told of from then on', async () => {
  await withControl({ now_ms: () => 7_000 }, async (harness) => {
    const id = await fill(harness.store, 'one', 'two', 'three', 'four');
    const { json, status } = await send(harness, 'POST', '/v1/secrets/db/destroy?version=2&version=1');
    const { secret } = json as DestroyReply;
    assert.equal(status, 200);
    assert.deepEqual(
      [secret.versions.map(({ number }) => number), secret.destroyed.map(({ number }) => number)],
      [
        [3, 4],
        [1, 2],
      ],
    );
    assert.equal(secret.destroyed[0]?.destroyedAt_ms, 7_000);
    assert.throws(() => harness.store.readValue(id, 2), { code: 'store.damaged' });
    for (const [query, code] of [
      ['', 'request.invalid'],
      ['?version=x', 'request.invalid'],
      ['?version=3&version=4', 'secret.version-current'],
      ['?version=5', 'secret.version-not-found'],
    ] as const) {
      const refused = await send(harness, 'POST', `/v1/secrets/db/destroy${query}`);
      assert.equal(codeOf(refused), code, query);
    }
    const back = await send(harness, 'POST', '/v1/secrets/db/rollback');
    assert.equal((back.json as RollbackReply).from, 3, 'back goes to what has a value');
  });
});

test('a prune answers with what it took away', async () => {
  await withControl({}, async (harness) => {
    await fill(harness.store, 'one', 'two', 'three', 'four');
    const prune = async (keep: string): Promise<readonly number[]> => {
      const { json } = await send(harness, 'POST', `/v1/secrets/db/prune?keep=${keep}`);
      return (json as PruneReply).pruned;
    };
    assert.deepEqual(await prune('3'), [1]);
    assert.deepEqual(await prune('1'), [2, 3]);
    assert.deepEqual(await prune('1'), []);
    for (const query of ['', '?keep=0', '?keep=11', '?keep=x']) {
      const refused = await send(harness, 'POST', `/v1/secrets/db/prune${query}`);
      assert.equal(codeOf(refused), 'request.invalid', query);
    }
  });
});

test('a revealed value is the bytes alone, and the log says that it was revealed, never what it is', async () => {
  const logged: unknown[] = [];
  const write =
    (level: string) =>
    (sentence: string, fields?: LogFields): void =>
      void logged.push([level, sentence, fields]);
  const logger = { ...silentLogger, info: write('info'), warn: write('warn'), error: write('error') };
  await withControl({ logger }, async (harness) => {
    await fill(harness.store, 'hunter1', '"hunter2"');
    const current = await send(harness, 'POST', '/v1/secrets/DB/reveal');
    assert.deepEqual(
      [current.status, current.text, current.headers['content-type'], current.headers['cache-control']],
      [200, '"hunter2"', 'application/octet-stream', 'no-store'],
    );
    assert.deepEqual(
      [current.headers['coffer-secret-version'], current.headers['coffer-freshness']],
      ['2', 'linearizable'],
    );
    assert.deepEqual(logged, [['info', 'revealed a value', { secret: 'db', version: 2 }]]);
    for (const [target, status] of [
      ['db/reveal?version=3', 404],
      ['db/reveal?version=x', 400],
      ['other/reveal', 404],
    ] as const) {
      assert.equal((await send(harness, 'POST', `/v1/secrets/${target}`)).status, status, target);
    }
    assert.equal((await send(harness, 'GET', '/v1/secrets/db/reveal')).status, 405, 'no link shows a value');
    assert.equal(logged.length, 1, 'what was refused was not revealed');
  });
});

test('a value is revealed with a record of the audit log, and not where none can be written', async () => {
  const recorded: unknown[] = [];
  let problem: CofferError | undefined;
  const auditor: Auditor = {
    record: (event, fields) => void recorded.push([event, fields]),
    requireWritable: () => {
      if (problem !== undefined) {
        throw problem;
      }
    },
  };
  const nothing = async (): Promise<never> => assert.fail('nobody reads the log');
  await withControl(
    { audit: { auditor, select: nothing, verify: nothing, acknowledge: nothing } },
    async (harness) => {
      await fill(harness.store, '"hunter1"', '"hunter2"');
      assert.equal((await send(harness, 'POST', '/v1/secrets/db/reveal?version=1')).text, '"hunter1"');
      assert.deepEqual(recorded, [['reveal', { secret: 'db', version: 1, by: 'control' }]]);
      problem = new CofferError('audit.unavailable', 'the disk is full');
      const refused = await send(harness, 'POST', '/v1/secrets/db/reveal');
      assert.equal(codeOf(refused), 'audit.unavailable');
      assert.equal(recorded.length, 1);
    },
  );
});
