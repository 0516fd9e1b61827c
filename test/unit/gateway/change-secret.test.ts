// SPDX-License-Identifier: Apache-2.0
// Update and remove in a swarm.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CofferError, SecretValue } from '../../../src/common/index.ts';
import { currentVersion } from '../../../src/secrets/index.ts';
import { headerValue } from '../../../src/gateway/headers.ts';
import { createBody, type Harness, type HarnessOptions, startGateway } from './gateway-harness.ts';
import type { TestContext } from 'node:test';

const ONLY_LABELS = 'rpc error: code = InvalidArgument desc = only updates to Labels are allowed';

interface Created extends Harness {
  readonly id: string;
  readonly index: number;
  current(): string;
}

async function withSecret(context: TestContext, options: HarnessOptions = {}): Promise<Created> {
  const harness = await startGateway(context, options);
  const answer = await harness.send('POST', '/v1.41/secrets/create', createBody('db', 'first'));
  assert.equal(answer.status, 201);
  const registered = harness.engine.secret('db');
  return {
    ...harness,
    id: registered?.ID ?? '',
    index: registered?.Version.Index ?? 0,
    current: () => {
      const secret = harness.store.byName('db');
      assert.ok(secret !== undefined);
      return harness.store.readValue(secret.id, currentVersion(secret).number).expose().toString();
    },
  };
}

test('an update with the same data changes the labels, in the engine and in the store', async (context) => {
  const harness = await withSecret(context);
  const body = createBody('db', 'first', { Labels: { a: 'b' } });
  const answer = await harness.send('POST', `/v1.41/secrets/db/update?version=${harness.index}`, body);
  assert.equal(answer.status, 200);
  assert.equal(answer.text, '');
  assert.deepEqual(harness.engine.secret('db')?.Spec.Labels, { a: 'b' });
  assert.deepEqual(harness.store.byName('db')?.labels, { a: 'b' });
  assert.equal(harness.store.byName('db')?.versions.length, 1);
  assert.equal(harness.engine.hasReceived('first'), false);
});

test('an update with other data is a new version', async (context) => {
  const harness = await withSecret(context);
  const path = `/v1.41/secrets/${harness.id}/update?version=${harness.index}`;
  const answer = await harness.send('POST', path, createBody('db', 'second'));
  assert.equal(answer.status, 200);
  assert.equal(harness.current(), 'second');
  assert.equal(harness.store.byName('db')?.versions.length, 2);
  assert.equal(harness.engine.hasReceived('second'), false);
});

test('an update with its options in the URL as well tells the engine no more than the version by that', async (context) => {
  const harness = await withSecret(context);
  const version = String(harness.index);
  const body = { Name: 'db', Data: Buffer.from('second').toString('base64') };
  const query = new URLSearchParams({ version, ...body }).toString();
  assert.equal((await harness.send('POST', `/v1.41/secrets/db/update?${query}`, body)).status, 200);
  assert.equal(harness.current(), 'second');
  const write = harness.engine.seen.findLast(({ method }) => method === 'POST');
  assert.equal(write?.url, `/v1.41/secrets/${harness.id}/update?version=${version}`);
});

test('labels that say nothing coffer understands are refused, before the engine has them', async (context) => {
  const harness = await withSecret(context);
  const body = (keep: string): object => createBody('db', 'first', { Labels: { 'coffer.keep': keep } });
  const path = `/v1.41/secrets/db/update?version=${harness.index}`;
  const refused = await harness.send('POST', path, body('all'));
  assert.equal(refused.status, 400);
  assert.match(refused.text, /label coffer.keep is how many versions are kept, 1 to 10, not .{0,2}all/);
  assert.deepEqual(harness.engine.secret('db')?.Spec.Labels, {});
  assert.equal((await harness.send('POST', path, body('2'))).status, 200);
  for (const Labels of [{ 'coffer.keep': '11' }, { 'coffer.rotate': '30d' }, { 'coffer.generate': 'rsa' }]) {
    const created = { ...createBody('other', 'value'), Labels };
    assert.equal((await harness.send('POST', '/v1.41/secrets/create', created)).status, 400);
  }
  assert.equal(harness.engine.secret('other'), undefined);
  assert.equal(harness.store.byName('other'), undefined);
});

test('an update with an empty body, and so of no type, reaches a newer engine as JSON', async (context) => {
  const harness = await withSecret(context);
  harness.engine.server = 'Docker/28.5.2 (linux)';
  await harness.send('POST', `/v1.41/secrets/db/update?version=${harness.index}`);
  const sent = harness.engine.seen.findLast(({ url }) => url.includes('/update'));
  assert.equal(headerValue(sent?.rawHeaders ?? [], 'content-type'), 'application/json');
  assert.deepEqual(JSON.parse(String(sent?.body)), { Name: '', Labels: null });
});

test('an update that the engine refuses changes no value', async (context) => {
  const harness = await withSecret(context);
  const answer = await harness.send('POST', '/secrets/db/update?version=1', createBody('db', 'second'));
  assert.equal(answer.status, 500);
  assert.match(answer.text, /update out of sequence/);
  assert.equal(harness.current(), 'first');
});

test('without rotation, other data is refused as the engine does', async (context) => {
  const harness = await withSecret(context, { stackRotation: false });
  const path = `/secrets/db/update?version=${harness.index}`;
  const refused = await harness.send('POST', path, createBody('db', 'second'));
  assert.equal(refused.status, 400);
  assert.deepEqual(JSON.parse(refused.text), { message: ONLY_LABELS });
  assert.equal((await harness.send('POST', path, createBody('db', 'first'))).status, 200);
});

test('data that is too large is refused before anything changes', async (context) => {
  const harness = await withSecret(context);
  const path = `/secrets/db/update?version=${harness.index}`;
  const answer = await harness.send(
    'POST',
    path,
    createBody('db', Buffer.alloc(512_000), { Labels: { a: '1' } }),
  );
  assert.equal(answer.status, 400);
  assert.deepEqual(harness.engine.secret('db')?.Spec.Labels, {});
});

test('an update without data reaches the engine, and the labels are mirrored', async (context) => {
  const harness = await withSecret(context);
  const path = `/secrets/db/update?version=${harness.index}`;
  assert.equal((await harness.send('POST', path, { Name: 'db', Labels: { x: 'y' } })).status, 200);
  assert.deepEqual(harness.store.byName('db')?.labels, { x: 'y' });
});

test("an update of a secret that is not coffer's goes to the engine as it is", async (context) => {
  const harness = await withSecret(context);
  const plain = harness.engine.addSecret('plain');
  const body = JSON.stringify(createBody('plain', 'any'));
  await harness.send('POST', `/secrets/plain/update?version=${plain.Version.Index}`, body);
  assert.equal(harness.engine.seen.at(-1)?.body.toString(), body);
  assert.equal(harness.store.list().length, 1);
});

test('an update of a driver secret without a value puts one', async (context) => {
  const harness = await withSecret(context);
  const bare = harness.engine.addSecret('bare', 'coffer');
  const path = `/secrets/bare/update?version=${bare.Version.Index}`;
  assert.equal((await harness.send('POST', path, createBody('bare', 'late'))).status, 200);
  assert.equal(harness.store.byName('bare')?.engine?.secretId, bare.ID);
  assert.equal(harness.engine.hasReceived('late'), false);
});

test('an unknown secret is the engine not finding it', async (context) => {
  const harness = await withSecret(context);
  const update = await harness.send('POST', '/secrets/nope/update?version=1', { Name: 'nope' });
  assert.deepEqual([update.status, update.text], [404, '{"message":"secret nope not found"}\n']);
  const remove = await harness.send('DELETE', '/secrets/nope');
  assert.deepEqual([remove.status, remove.text], [404, '{"message":"secret nope not found"}\n']);
});

test('a removed secret is gone in the engine and in the store', async (context) => {
  const harness = await withSecret(context);
  const answer = await harness.send('DELETE', '/v1.41/secrets/db');
  assert.equal(answer.status, 204);
  assert.equal(answer.headers['content-length'], undefined);
  assert.equal(harness.engine.secrets.size, 0);
  assert.equal(harness.store.list().length, 0);
});

test('a secret in use stays, value and all', async (context) => {
  const harness = await withSecret(context);
  harness.engine.handler = (request, response) => {
    if (request.method !== 'DELETE') {
      return false;
    }
    const message =
      "rpc error: code = InvalidArgument desc = secret 'db' is in use by the following service: web";
    response.writeHead(400, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ message }));
    return true;
  };
  const answer = await harness.send('DELETE', '/secrets/db');
  assert.equal(answer.status, 400);
  assert.match(answer.text, /in use by the following service: web/);
  assert.equal(harness.current(), 'first');
});

test('removing a registration leaves a value that was put by hand', async (context) => {
  const harness = await withSecret(context);
  const value = SecretValue.copyOf(Buffer.from('v'));
  const put = { kind: 'put', labels: {}, origin: 'control', expect: 'always', at_ms: 1 } as const;
  await harness.store.propose({ ...put, id: 'm'.repeat(25), name: 'mine', value });
  harness.engine.addSecret('mine', 'coffer:latest');
  assert.equal((await harness.send('DELETE', '/secrets/mine')).status, 204);
  assert.ok(harness.store.byName('mine') !== undefined);
});

test('a removal counts although the store cannot follow yet', async (context) => {
  const harness = await withSecret(context);
  harness.store.proposeError = new CofferError('store.busy', 'busy');
  assert.equal((await harness.send('DELETE', '/secrets/db')).status, 204);
  assert.ok(harness.store.byName('db') !== undefined);
});

test('no answer ever holds a value', async (context) => {
  const harness = await withSecret(context);
  const answers = [
    await harness.send('GET', '/secrets'),
    await harness.send('GET', '/secrets/db'),
    await harness.send('POST', '/secrets/create', createBody('db', 'first')),
    await harness.send('POST', '/secrets/create', '{"Name":"q","Data":"Zmlyc3Q='),
  ];
  for (const { text } of answers) {
    assert.doesNotMatch(text, /first|Zmlyc3Q/);
  }
});

test('while the index of the store is loaded, a call waits for it, and then does what needs no list', async (context) => {
  const waits: number[] = [];
  const storeStarted = async (timeout_ms: number): Promise<void> => {
    waits.push(timeout_ms);
  };
  const harness = await withSecret(context, { storeStarted });
  harness.store.loaded_percent = 60;
  const path = `/v1.41/secrets/${harness.id}/update?version=${harness.index}`;
  assert.equal((await harness.send('POST', path, createBody('db', 'second'))).status, 200);
  assert.equal(harness.current(), 'second');
  const other = await harness.send('POST', '/v1.41/secrets/create', createBody('other', 'value'));
  assert.equal(other.status, 201);
  assert.equal((await harness.send('DELETE', '/v1.41/secrets/other')).status, 204);
  assert.equal(harness.store.byName('other'), undefined);
  // Registered under a name that the store has not: only the index could tell what is bound to it.
  const unknown = harness.engine.addSecret('unknown', 'coffer');
  const update = `/v1.41/secrets/${unknown.ID}/update?version=${unknown.Version.Index}`;
  const refused = await harness.send('POST', update, createBody('unknown', 'value'));
  assert.equal(refused.status, 503);
  assert.match(refused.text, /the index is being loaded/);
  assert.ok(waits.length >= 4 && waits.every((wait_ms) => wait_ms > 0));
});
