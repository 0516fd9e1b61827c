// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CofferError, SecretValue } from '../../../src/common/index.ts';
import type { PutReply, SecretReply, SecretsReply } from '../../../src/control/index.ts';
import { newSecretId } from '../../../src/secrets/index.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import { codeOf, refusalOf, send, withControl } from './control-harness.ts';

const VALUE_BYTES_MAX = 511_999;

function valueOf(store: MemoryStore, name: string): string {
  const secret = store.byName(name);
  const version = secret?.versions.at(-1)?.number ?? 0;
  return store
    .readValue(secret?.id ?? '', version)
    .expose()
    .toString('latin1');
}

async function addFromGateway(store: MemoryStore, name: string, pending: boolean): Promise<string> {
  const id = newSecretId();
  const value = SecretValue.copyOf(Buffer.from('from the gateway'));
  await store.propose({ kind: 'create', id, name, labels: {}, origin: 'gateway', pending, value, at_ms: 1 });
  if (!pending) {
    const engine = { secretId: 'engine0000000000000000000', swarmId: 'swarm' };
    await store.propose({ kind: 'activate', id, engine, at_ms: 2 });
  }
  return id;
}

test('a value that was put is stored byte for byte, and no reply ever shows it', async () => {
  await withControl({ now_ms: () => 1_000 }, async (harness) => {
    const value = Buffer.from([0, 255, 10, 13, 0, 104, 117, 110, 116, 101, 114, 50]);
    const put = await send(harness, 'PUT', '/v1/secrets/Db.Password?label=a=b&label=c=d=e', value);
    assert.equal(put.status, 201);
    const { secret, changed } = put.json as PutReply;
    assert.equal(changed, true);
    assert.equal(secret.name, 'Db.Password');
    assert.deepEqual(secret.labels, { a: 'b', c: 'd=e' });
    assert.deepEqual(secret.versions, [{ number: 1, createdAt_ms: 1_000, size: 12 }]);
    assert.equal(valueOf(harness.store, 'db.password'), value.toString('latin1'));
    const replies = [
      put,
      await send(harness, 'GET', '/v1/secrets'),
      await send(harness, 'GET', '/v1/secrets/DB.PASSWORD'),
      await send(harness, 'DELETE', '/v1/secrets/db.password'),
    ];
    for (const reply of replies) {
      assert.match(String(reply.headers['content-type']), /^application\/json/);
      assert.equal(reply.headers['x-powered-by'], undefined);
      assert.equal(reply.headers['etag'], undefined);
      assert.ok(!reply.text.includes('hunter2'), reply.text);
      assert.ok(!reply.text.includes(value.toString('base64')), reply.text);
    }
    assert.equal(harness.store.list().length, 0);
  });
});

test('a value has 1 to 511,999 bytes', async () => {
  await withControl({}, async (harness) => {
    const largest = Buffer.alloc(VALUE_BYTES_MAX, 7);
    assert.equal((await send(harness, 'PUT', '/v1/secrets/large', largest)).status, 201);
    assert.equal(
      codeOf(await send(harness, 'PUT', '/v1/secrets/none', Buffer.alloc(0))),
      'secret.value-size',
    );
    const announced = await send(harness, 'PUT', '/v1/secrets/over', Buffer.alloc(VALUE_BYTES_MAX + 1));
    assert.equal(announced.status, 413);
    const chunked = { 'transfer-encoding': 'chunked' };
    const counted = await send(
      harness,
      'PUT',
      '/v1/secrets/over',
      Buffer.alloc(VALUE_BYTES_MAX + 1),
      chunked,
    );
    assert.equal(codeOf(counted), 'request.too-large');
    assert.deepEqual(
      harness.store.list().map(({ name }) => name),
      ['large'],
    );
  });
});

test('expect decides whether a value may be replaced', async () => {
  await withControl({}, async (harness) => {
    const put = (query: string, value: string) =>
      send(harness, 'PUT', `/v1/secrets/s${query}`, Buffer.from(value));
    assert.equal(codeOf(await put('?expect=3', 'x')), 'secret.version-conflict');
    assert.equal((await put('?expect=0', 'one')).status, 201);
    assert.equal(codeOf(await put('?expect=0', 'x')), 'secret.version-conflict');
    const kept = await put('?expect=absent', 'x');
    assert.equal(kept.status, 200);
    assert.equal((kept.json as PutReply).changed, false);
    assert.equal(valueOf(harness.store, 's'), 'one');
    assert.equal(((await put('?expect=1', 'two')).json as PutReply).secret.version, 2);
    assert.equal(((await put('?expect=always', 'three')).json as PutReply).secret.version, 3);
    assert.equal(valueOf(harness.store, 's'), 'three');
  });
});

test('a request id is the one that the change is proposed under, and none is made up here', async () => {
  await withControl({}, async (harness) => {
    const id = '0123456789abcdef'.repeat(2);
    await send(harness, 'PUT', `/v1/secrets/s?request=${id}`, Buffer.from('x'));
    assert.equal(harness.store.lastRequestId, id);
    await send(harness, 'PUT', '/v1/secrets/s', Buffer.from('x'));
    assert.equal(harness.store.lastRequestId, undefined);
    await send(harness, 'POST', `/v1/secrets/g/generate?spec=uuid&request=${id}`);
    assert.equal(harness.store.lastRequestId, id);
  });
});

test('labels that are not given stay, and an odd key does no harm', async () => {
  await withControl({}, async (harness) => {
    await send(harness, 'PUT', '/v1/secrets/s?label=__proto__=x&label=k=', Buffer.from('1'));
    const { secret } = (await send(harness, 'PUT', '/v1/secrets/s', Buffer.from('2'))).json as PutReply;
    assert.deepEqual(Object.entries(secret.labels), [
      ['__proto__', 'x'],
      ['k', ''],
    ]);
  });
});

test('a generated value is made by the daemon and fits its specification', async () => {
  await withControl({}, async (harness) => {
    const reply = await send(harness, 'POST', '/v1/secrets/g/generate?spec=hex:32&expect=absent');
    assert.equal(reply.status, 201);
    assert.match(valueOf(harness.store, 'g'), /^[0-9a-f]{64}$/);
    const again = await send(harness, 'POST', '/v1/secrets/g/generate?spec=hex:32&expect=absent');
    assert.equal((again.json as PutReply).changed, false);
    assert.equal(
      codeOf(await send(harness, 'POST', '/v1/secrets/g/generate?spec=rot13')),
      'secret.label-invalid',
    );
    assert.equal(codeOf(await send(harness, 'POST', '/v1/secrets/g/generate')), 'request.invalid');
  });
});

test('a secret is found by its name, its ids, or what only one id begins with', async () => {
  await withControl({}, async (harness) => {
    const id = await addFromGateway(harness.store, 'web', false);
    await send(harness, 'PUT', '/v1/secrets/other', Buffer.from('x'));
    for (const reference of ['web', 'WEB', id, id.slice(0, 20), 'engine0000000000000000000', 'engine00']) {
      const reply = await send(harness, 'GET', `/v1/secrets/${reference}`);
      assert.equal((reply.json as SecretReply).secret.id, id, reference);
    }
    assert.equal(codeOf(await send(harness, 'GET', '/v1/secrets/nope')), 'secret.not-found');
    const ambiguous = await send(harness, 'GET', '/v1/secrets/');
    assert.equal(ambiguous.status, 404);
  });
});

test('a pending secret is not listed', async () => {
  await withControl({}, async (harness) => {
    await addFromGateway(harness.store, 'half', true);
    assert.deepEqual(((await send(harness, 'GET', '/v1/secrets')).json as SecretsReply).secrets, []);
    const { secret } = (await send(harness, 'GET', '/v1/secrets/half')).json as SecretReply;
    assert.equal(secret.pending, true);
  });
});

test('a read says when its answer may be old', async () => {
  await withControl({}, async (harness) => {
    harness.store.freshness = 'local';
    assert.equal(((await send(harness, 'GET', '/v1/secrets')).json as SecretsReply).freshness, 'local');
  });
});

test('what a removal names by the beginning of an id stays', async () => {
  await withControl({}, async (harness) => {
    const id = await addFromGateway(harness.store, 'web', false);
    assert.equal(codeOf(await send(harness, 'DELETE', `/v1/secrets/${id.slice(0, 20)}`)), 'secret.not-found');
    assert.equal((await send(harness, 'DELETE', `/v1/secrets/${id}`)).status, 200);
    assert.equal(harness.store.list().length, 0);
  });
});

test('a secret in use is kept, and the refusal names its users and what to type', async () => {
  const uses = { services: ['web', 'api'], engineSecrets: ['engine_name'] };
  await withControl({ users: async () => uses }, async (harness) => {
    await addFromGateway(harness.store, 's', false);
    const used = await send(harness, 'DELETE', '/v1/secrets/s');
    assert.equal(used.status, 409);
    assert.deepEqual(refusalOf(used), {
      code: 'secret.in-use',
      message: 'secret s is in use by the following services: web, api',
      hint: 'Take it from them first: docker service update --secret-rm engine_name web',
    });
    uses.services = [];
    const registered = await send(harness, 'DELETE', '/v1/secrets/s');
    assert.match(registered.text, /docker secret rm engine_name/);
    assert.equal(harness.store.list().length, 1);
    assert.equal((await send(harness, 'DELETE', '/v1/secrets/s?force=1')).status, 200);
    assert.equal(harness.store.list().length, 0);
  });
});

test('where the engine cannot be asked, a removal needs force', async () => {
  const users = async () => {
    throw new CofferError('engine.unreachable', 'no engine at /run/docker.sock');
  };
  await withControl({ users }, async (harness) => {
    await send(harness, 'PUT', '/v1/secrets/s', Buffer.from('x'));
    const refused = await send(harness, 'DELETE', '/v1/secrets/s');
    assert.equal(refused.status, 502);
    assert.match(refused.text, /docker coffer rm --force s/);
    assert.equal((await send(harness, 'DELETE', '/v1/secrets/s?force=1')).status, 200);
  });
});

test('a store that does not serve gives its reason with its own status', async () => {
  const reason = new CofferError('store.damaged', 'record 7 does not open', { hint: 'Restore a backup.' });
  const store = () => {
    throw reason;
  };
  await withControl({ store }, async (harness) => {
    const requests = [
      ['GET', '/v1/secrets'],
      ['PUT', '/v1/secrets/s'],
      ['POST', '/v1/secrets/s/generate?spec=uuid'],
      ['DELETE', '/v1/secrets/s'],
    ] as const;
    for (const [method, target] of requests) {
      const reply = await send(harness, method, target, Buffer.from('x'));
      assert.equal(reply.status, 503, target);
      assert.deepEqual(refusalOf(reply), {
        code: 'store.damaged',
        message: 'record 7 does not open',
        hint: 'Restore a backup.',
      });
    }
    assert.equal((await send(harness, 'GET', '/v1/status')).status, 200);
  });
});

test('while the index is loaded, a call waits for it, and then does what needs no list', async () => {
  const waits: number[] = [];
  const storeStarted = async (timeout_ms: number): Promise<void> => {
    waits.push(timeout_ms);
  };
  await withControl({ storeStarted }, async (harness) => {
    await send(harness, 'PUT', '/v1/secrets/there', Buffer.from('x'));
    harness.store.loaded_percent = 37;
    for (const [method, target, status] of [
      ['GET', '/v1/secrets', 503],
      ['GET', '/v1/secrets/there', 200],
      // It may be an id of the engine's, or the beginning of one.
      ['GET', '/v1/secrets/other', 503],
      ['PUT', '/v1/secrets/new', 201],
      ['DELETE', '/v1/secrets/there', 200],
    ] as const) {
      const reply = await send(harness, method, target, method === 'PUT' ? Buffer.from('x') : undefined);
      assert.equal(reply.status, status, `${method} ${target}`);
      assert.ok(status !== 503 || (reply.json as { code: string }).code === 'store.starting');
    }
    assert.equal(waits.length, 6, 'each call waits first');
    harness.store.loaded_percent = undefined;
    assert.equal((await send(harness, 'GET', '/v1/secrets')).status, 200);
  });
});

test('the value is wiped once its proposal is settled, whatever came of it', async () => {
  await withControl({}, async (harness) => {
    const seen: SecretValue[] = [];
    const { store } = harness;
    const propose = store.propose.bind(store);
    store.propose = (command) => {
      if (command.kind === 'put') {
        seen.push(command.value);
      }
      return propose(command);
    };
    await send(harness, 'PUT', '/v1/secrets/s', Buffer.from('first'));
    store.proposeError = new CofferError('store.disk-full', 'the disk is full');
    assert.equal((await send(harness, 'PUT', '/v1/secrets/s', Buffer.from('second'))).status, 507);
    store.proposeError = new CofferError('store.timeout', 'the outcome is unknown');
    assert.equal((await send(harness, 'PUT', '/v1/secrets/s', Buffer.from('third'))).status, 503);
    assert.deepEqual(
      seen.map((value) => value.expose().toString('latin1')),
      ['\0\0\0\0\0', '\0\0\0\0\0\0', '\0\0\0\0\0'],
    );
  });
});
