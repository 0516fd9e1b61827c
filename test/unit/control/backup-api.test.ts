// SPDX-License-Identifier: Apache-2.0
// Backups over the control API: the sealed payload goes out, and comes in again.
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CofferError, SecretValue } from '../../../src/common/index.ts';
import type { ControlOptions } from '../../../src/control/index.ts';
import type { Command, Secret } from '../../../src/secrets/index.ts';
import type { ExportedRecord, ProposeOptions } from '../../../src/store/index.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { waitFor } from '../../support/wait-for.ts';
import { KEY, recordsIn, restoreBody, sendRestore, takeBackup } from './backup-calls.ts';
import { codeOf, type Harness, refusalOf, send, withControl } from './control-harness.ts';

const put = (name: string, text: string, id = `id-${name}`): Command => ({
  kind: 'put',
  id,
  name,
  labels: { of: name },
  origin: 'control',
  expect: 'always',
  value: SecretValue.copyOf(Buffer.from(text)),
  at_ms: 1_000,
});

/** All of a store that a backup keeps, in one form. */
function picture(store: MemoryStore): readonly unknown[] {
  const described = ({
    id,
    pending: _p,
    engine: _e,
    modifiedIndex: _m,
    versions,
    ...kept
  }: Secret): unknown => ({
    id,
    versions,
    ...kept,
    values: versions.map(({ number }) => store.readValue(id, number).expose().toString('hex')),
  });
  return [...store.list()].sort((a, b) => (a.name < b.name ? -1 : 1)).map(described);
}

async function filled(store: MemoryStore): Promise<void> {
  for (const name of ['a', 'b', 'c']) {
    for (let version = 1; version <= 3; version += 1) {
      await store.propose(put(name, `${name} ${version}`));
    }
  }
}

/** Runs `work` with the payload of a backup of three secrets, and a server whose store is empty. */
async function withPayload(
  work: (harness: Harness, payload: Buffer, source: MemoryStore) => Promise<void>,
  overrides: Partial<ControlOptions> = {},
): Promise<void> {
  await withControl({}, async (source) => {
    await filled(source.store);
    const { payload } = await takeBackup(source);
    await withControl(overrides, (harness) => work(harness, payload, source.store));
  });
}

describe('POST /v1/backup', () => {
  test('answers with the sealed secrets, and with what they are at the end', async () => {
    await withControl({ now_ms: () => 1_234 }, async (harness) => {
      const { store } = harness;
      await filled(store);
      const { payload, status, summary } = await takeBackup(harness);
      assert.equal(status, 200);
      const counts = { appliedIndex: 9, secrets: 3, versions: 9, values_bytes: 27 };
      assert.deepEqual(summary, { ...counts, freshness: 'linearizable' });
      const records = await recordsIn(payload);
      assert.deepEqual(records[0], {
        kind: 'begin',
        origin: { clusterId: 'c'.repeat(25), appliedIndex: 9, createdAt_ms: 1_234, version: '0.1.0' },
      });
      assert.deepEqual(records[4], { value: 'a 3', of: 'a', number: 3 });
      assert.deepEqual(records.at(-1), { kind: 'end', summary: counts });
      assert.ok(!payload.includes('a 3'), 'no value leaves in the clear');
    });
  });

  test('leaves out secrets that are just being created', async () => {
    await withControl({}, async (harness) => {
      const value = SecretValue.copyOf(Buffer.from('x'));
      const pending = {
        kind: 'create',
        id: 'p',
        name: 'p',
        labels: {},
        origin: 'gateway',
        pending: true,
      } as const;
      await harness.store.propose({ ...pending, value, at_ms: 1 });
      await harness.store.propose(put('a', 'value'));
      const { payload } = await takeBackup(harness);
      assert.equal((await recordsIn(payload)).length, 4);
    });
  });

  test('refuses a body that is no key, and another query', async () => {
    await withControl({}, async (harness) => {
      assert.equal(
        codeOf(await send(harness, 'POST', '/v1/backup', Buffer.concat([KEY, KEY]))),
        'request.invalid',
      );
      assert.equal(codeOf(await send(harness, 'POST', '/v1/backup', KEY.subarray(1))), 'request.invalid');
      assert.equal(codeOf(await send(harness, 'POST', '/v1/backup?x=1', KEY)), 'request.invalid');
      assert.equal(codeOf(await send(harness, 'GET', '/v1/backup')), 'request.method');
    });
  });

  test('that breaks off has no summary, and is no whole backup', async () => {
    class Broken extends MemoryStore {
      brokenAt_bytes = 0;
      override async *exportSecrets(): AsyncGenerator<ExportedRecord> {
        for await (const record of super.exportSecrets()) {
          yield record;
          if (record.kind === 'value' && record.bytes.length >= this.brokenAt_bytes) {
            throw new CofferError('store.damaged', 'a record is missing');
          }
        }
      }
    }
    const store = new Broken();
    await filled(store);
    await withControl({ store: () => store }, async (harness) => {
      const early = await takeBackup(harness);
      assert.deepEqual([early.status, early.summary], [503, undefined]);
      assert.match(early.payload.toString(), /a record is missing/, 'nothing was answered before');
      await store.propose(put('large', 'v'.repeat(300_000)));
      store.brokenAt_bytes = 300_000;
      await assert.rejects(takeBackup(harness), /aborted|hang up/);
    });
  });

  test('lets go of the store when its reader leaves', async () => {
    let ended = false;
    class Endless extends MemoryStore {
      override async *exportSecrets(): AsyncGenerator<ExportedRecord> {
        try {
          const bytes = Buffer.alloc(100_000);
          yield { kind: 'begin', appliedIndex: 1 };
          const [secret] = this.list();
          assert.ok(secret);
          for (;;) {
            yield { kind: 'secret', secret };
            yield { kind: 'value', bytes };
          }
        } finally {
          ended = true;
        }
      }
    }
    const store = new Endless();
    await store.propose(put('a', 'v'.repeat(100_000)));
    await withControl({ store: () => store }, async ({ socketPath }) => {
      const request = httpRequest({ socketPath, method: 'POST', path: '/v1/backup', agent: false });
      request.on('error', () => undefined).end(KEY);
      request.once('response', (response) => response.once('data', () => request.destroy()));
      await waitFor(() => ended, { what: 'the export to end', timeout_ms: 5_000 });
    });
  });
});

describe('POST /v1/restore', () => {
  test('puts all back as it was, into a store that is empty', async () => {
    await withPayload(async (harness, payload, source) => {
      const { status, json } = await sendRestore(harness, '', restoreBody(payload));
      assert.deepEqual([status, json], [200, { restored: 3, replaced: 0, skipped: 0, versions: 9 }]);
      assert.deepEqual(picture(harness.store), picture(source));
    });
  });

  test('with check=1 reads all of it, says what would be, and changes nothing', async () => {
    await withPayload(async (harness, payload) => {
      const { json } = await sendRestore(harness, '?check=1', restoreBody(payload));
      assert.deepEqual(json, { restored: 3, replaced: 0, skipped: 0, versions: 9 });
      assert.equal(harness.store.list().length, 0);
      await harness.store.propose(put('B', 'other', 'other'));
      await harness.store.propose(put('x', 'other', 'id-c'));
      const refused = await sendRestore(harness, '?check=1', restoreBody(payload));
      assert.equal(refused.status, 409);
      assert.equal(codeOf(refused), 'secret.exists');
      assert.match(JSON.stringify(refused.json), /secrets of the backup exist already: (b, c|c, b)"/);
      assert.match(JSON.stringify(refused.json), /--existing skip leaves them as they are, replace puts/);
      assert.equal(harness.store.list().length, 2);
    });
  });

  test('is refused while it cannot be told for sure what is there', async () => {
    await withPayload(async (harness, payload) => {
      harness.store.freshness = 'local';
      const refused = await sendRestore(harness, '', restoreBody(payload));
      assert.deepEqual([refused.status, codeOf(refused)], [503, 'store.unavailable']);
      assert.equal(harness.store.list().length, 0);
    });
  });

  test('twice with existing=skip changes nothing more', async () => {
    await withPayload(async (harness, payload) => {
      await harness.store.propose(put('B', 'kept', 'other'));
      const first = await sendRestore(harness, '?existing=skip', restoreBody(payload));
      assert.deepEqual(first.json, { restored: 2, replaced: 0, skipped: 1, versions: 6 });
      const before = picture(harness.store);
      const { appliedIndex } = harness.store.status();
      const second = await sendRestore(harness, '?existing=skip', restoreBody(payload));
      assert.deepEqual(second.json, { restored: 0, replaced: 0, skipped: 3, versions: 0 });
      assert.deepEqual(picture(harness.store), before);
      assert.equal(harness.store.status().appliedIndex, appliedIndex, 'nothing was proposed');
      assert.equal(harness.store.byName('b')?.id, 'other');
    });
  });

  test('with existing=replace puts the backup in the place of what is there', async () => {
    await withPayload(async (harness, payload, source) => {
      await harness.store.propose(put('B', 'gives way', 'other'));
      const { json } = await sendRestore(harness, '?existing=replace', restoreBody(payload));
      assert.deepEqual(json, { restored: 2, replaced: 1, skipped: 0, versions: 9 });
      assert.deepEqual(picture(harness.store), picture(source));
    });
  });

  test('puts a secret with many large versions back in several commands, the newest first', async () => {
    class Watched extends MemoryStore {
      readonly groups: (readonly number[])[] = [];
      override propose(command: Command, options?: ProposeOptions) {
        if ('versions' in command) {
          this.groups.push(command.versions.map(({ number }) => number));
        }
        return super.propose(command, options);
      }
    }
    await withControl({}, async (source) => {
      for (let version = 1; version <= 5; version += 1) {
        await source.store.propose(put('large', String(version).repeat(500_000)));
      }
      const { payload } = await takeBackup(source);
      const store = new Watched();
      await withControl({ store: () => store }, async (harness) => {
        const { json } = await sendRestore(harness, '', restoreBody(payload));
        assert.deepEqual(json, { restored: 1, replaced: 0, skipped: 0, versions: 5 });
        assert.deepEqual(store.groups, [[4, 5], [2, 3], [1]]);
        assert.deepEqual(picture(store), picture(source.store));
      });
    });
  });

  test('says how far it came when the store takes no more', async () => {
    class Filling extends MemoryStore {
      override async propose(command: Command, options?: ProposeOptions) {
        if (this.list().length === 2) {
          throw new CofferError('store.disk-full', 'the disk is full');
        }
        return super.propose(command, options);
      }
    }
    const store = new Filling();
    await withPayload(
      async (harness, payload) => {
        const reply = await sendRestore(harness, '', restoreBody(payload));
        assert.equal(reply.status, 507);
        assert.deepEqual(refusalOf(reply), {
          code: 'store.disk-full',
          message: 'the disk is full; 2 secrets were restored before that',
          hint: 'Restore again when that is mended: --existing skip leaves those that are there, replace puts them in again.',
        });
      },
      { store: () => store },
    );
  });

  test('names the secret whose older versions are missing, since what came after them failed', async () => {
    class Failing extends MemoryStore {
      override async propose(command: Command, options?: ProposeOptions) {
        if (command.kind === 'restore-versions') {
          throw new CofferError('store.timeout', 'no majority');
        }
        return super.propose(command, options);
      }
    }
    await withControl({}, async (source) => {
      for (let version = 1; version <= 3; version += 1) {
        await source.store.propose(put('large', String(version).repeat(500_000)));
      }
      const { payload } = await takeBackup(source);
      const store = new Failing();
      await withControl({ store: () => store }, async (harness) => {
        const { json } = await sendRestore(harness, '', restoreBody(payload));
        assert.match(
          JSON.stringify(json),
          /no majority; 1 secret was restored before that; older versions are missing of large"/,
        );
        const current = store.readValue('id-large', 3).expose();
        assert.ok(
          current.every((byte) => byte === '3'.charCodeAt(0)),
          'its current value is right',
        );
        const again = await sendRestore(harness, '?existing=skip', restoreBody(payload));
        assert.deepEqual(again.json, { restored: 0, replaced: 0, skipped: 1, versions: 0 });
      });
    });
  });

  test('with existing=skip leaves one as it is that came to be after it was looked for', async () => {
    class Overtaken extends MemoryStore {
      override async propose(command: Command, options?: ProposeOptions) {
        if (command.kind === 'restore' && command.name === 'b' && this.byName('b') === undefined) {
          await super.propose(put('B', 'faster', 'other'));
        }
        return super.propose(command, options);
      }
    }
    const store = new Overtaken();
    await withPayload(
      async (harness, payload) => {
        const { json } = await sendRestore(harness, '?existing=skip', restoreBody(payload));
        assert.deepEqual(json, { restored: 2, replaced: 0, skipped: 1, versions: 6 });
        assert.equal(store.readValue('other', 1).expose().toString(), 'faster');
      },
      { store: () => store },
    );
  });

  test('refuses a payload that was altered, cut, or is of another key, and says which', async () => {
    await withPayload(async (harness, payload) => {
      const altered = Buffer.from(payload);
      altered[100] = (altered[100] ?? 0) ^ 1;
      for (const [body, sentence] of [
        [restoreBody(altered), /was altered in chunk 0/],
        [restoreBody(payload.subarray(0, -1)), /was cut off/],
        [restoreBody(payload, Buffer.alloc(32)), /was altered in chunk 0/],
        [restoreBody(Buffer.alloc(10_000_000, 1)), /was altered in chunk 0/],
      ] as const) {
        const { json, status } = await sendRestore(harness, '', body);
        assert.equal(status, 422);
        assert.match(JSON.stringify(json), sentence);
      }
      assert.equal(harness.store.list().length, 0);
    });
  });

  test('refuses a query that it does not know, before it reads the body', async () => {
    await withPayload(async (harness, payload) => {
      for (const query of ['?existing=overwrite', '?chek=1']) {
        const { json } = await sendRestore(harness, query, restoreBody(payload));
        assert.match(JSON.stringify(json), /request.invalid/);
      }
    });
  });

  test('takes as long as it takes, where any other request would be late', async () => {
    await withPayload(
      async (harness, payload) => {
        async function* slowly(): AsyncGenerator<Buffer> {
          yield KEY;
          for (let at = 0; at < payload.length; at += 100) {
            yield payload.subarray(at, at + 100);
            await delay(100);
          }
        }
        const { status, json } = await sendRestore(harness, '', slowly());
        assert.deepEqual([status, json], [200, { restored: 3, replaced: 0, skipped: 0, versions: 9 }]);
      },
      { limits: { headersTimeout_ms: 100, requestTimeout_ms: 200, checkInterval_ms: 20 } },
    );
  });
});
