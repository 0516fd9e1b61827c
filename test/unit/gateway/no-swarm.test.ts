// SPDX-License-Identifier: Apache-2.0
// An engine in no swarm: the secrets calls work from coffer's store alone.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createBody, type Harness, startGateway } from './gateway-harness.ts';

async function withoutSwarm(context: TestContext): Promise<Harness> {
  let clock = Date.parse('2026-01-02T03:04:05.600Z');
  const harness = await startGateway(context, { now: () => (clock += 1_000) });
  harness.engine.swarmState = 'inactive';
  return harness;
}

async function create(harness: Harness, name: string, more: object = {}): Promise<string> {
  const answer = await harness.send('POST', '/v1.41/secrets/create', createBody(name, 'v', more));
  assert.equal(answer.status, 201, answer.text);
  return (JSON.parse(answer.text) as { ID: string }).ID;
}

async function names(harness: Harness, filters: unknown): Promise<readonly string[]> {
  const query = encodeURIComponent(JSON.stringify(filters));
  const answer = await harness.send('GET', `/v1.41/secrets?filters=${query}`);
  assert.equal(answer.status, 200, answer.text);
  return (JSON.parse(answer.text) as { Spec: { Name: string } }[]).map(({ Spec }) => Spec.Name).sort();
}

test('create, list, inspect and remove look as they do in a swarm', async (context) => {
  const harness = await withoutSwarm(context);
  const id = await create(harness, 'db', { Labels: { a: 'b' } });
  assert.match(id, /^[a-z0-9]{25}$/);
  const inspected = await harness.send('GET', '/v1.41/secrets/DB');
  assert.equal(inspected.headers['api-version'], '1.41');
  assert.equal(inspected.headers['server'], 'Docker/20.10.24 (linux)');
  assert.deepEqual(JSON.parse(inspected.text), {
    ID: id,
    Version: { Index: 1 },
    CreatedAt: '2026-01-02T03:04:06.6Z',
    UpdatedAt: '2026-01-02T03:04:06.6Z',
    Spec: { Name: 'db', Labels: { a: 'b' }, Driver: { Name: 'coffer' } },
  });
  assert.deepEqual(JSON.parse((await harness.send('GET', '/secrets')).text), [JSON.parse(inspected.text)]);
  const removed = await harness.send('DELETE', `/secrets/${id.slice(0, 8)}`);
  assert.deepEqual([removed.status, removed.text], [204, '']);
  assert.equal((await harness.send('GET', '/secrets')).text, '[]\n');
});

test('filters mean what they mean in a swarm', async (context) => {
  const harness = await withoutSwarm(context);
  const id = await create(harness, 'web_tls', { Labels: { team: 'x' } });
  await create(harness, 'web_key', { Labels: { team: 'y' } });
  await create(harness, 'db');
  assert.deepEqual(await names(harness, { name: ['WEB'] }), ['web_key', 'web_tls']);
  assert.deepEqual(await names(harness, { name: { web: true } }), ['web_key', 'web_tls']);
  assert.deepEqual(await names(harness, { names: ['web'] }), []);
  assert.deepEqual(await names(harness, { names: ['Db'], id: [id.slice(0, 10)] }), ['db', 'web_tls']);
  assert.deepEqual(await names(harness, { label: ['team'] }), ['web_key', 'web_tls']);
  assert.deepEqual(await names(harness, { label: ['team=x'], name: ['web'] }), ['web_tls']);
  assert.deepEqual(await names(harness, {}), ['db', 'web_key', 'web_tls']);
});

const LIST_ERRORS = [
  ['{"driver":["x"]}', 400, "Invalid filter 'driver'"],
  ['bad', 500, "invalid character 'b' looking for beginning of value"],
  ['{"name":', 500, 'unexpected end of JSON input'],
] as const;

for (const [filters, status, message] of LIST_ERRORS) {
  test(`the filter ${filters} is refused in the engine's words`, async (context) => {
    const harness = await withoutSwarm(context);
    const answer = await harness.send('GET', `/secrets?filters=${encodeURIComponent(filters)}`);
    assert.deepEqual([answer.status, JSON.parse(answer.text)], [status, { message }]);
  });
}

test('what is not there, not clear, or there already is told as in a swarm', async (context) => {
  const harness = await withoutSwarm(context);
  for (let index = 0; index < 40; index += 1) {
    await create(harness, `n${index}`);
  }
  const ids = harness.store.list().map(({ id }) => id);
  const letter = ids.map((id) => id.charAt(0)).find((first, at, all) => all.indexOf(first) !== at) ?? '';
  const matches = ids.filter((id) => id.startsWith(letter)).length;
  const ambiguous = await harness.send('GET', `/secrets/${letter}`);
  assert.equal(ambiguous.status, 400);
  assert.equal(ambiguous.text, `{"message":"secret ${letter} is ambiguous (${matches} matches found)"}\n`);
  const missing = await harness.send('DELETE', '/secrets/nope');
  assert.deepEqual([missing.status, missing.text], [404, '{"message":"secret nope not found"}\n']);
  const again = await harness.send('POST', '/secrets/create', createBody('N1', 'v'));
  assert.deepEqual(
    [again.status, again.text],
    [409, '{"message":"rpc error: code = AlreadyExists desc = secret N1 already exists"}\n'],
  );
  const nameless = await harness.send('POST', '/secrets/create', createBody('', 'v'));
  assert.match(nameless.text, /name must be provided/);
  const empty = await harness.send('POST', '/secrets/create', { Name: 'e' });
  assert.match(empty.text, /secret data must be larger than 0/);
});

test('an update follows the version, and keeps or turns the value', async (context) => {
  const harness = await withoutSwarm(context);
  await create(harness, 'db');
  const update = (version: string, body: object): ReturnType<Harness['send']> =>
    harness.send('POST', `/secrets/db/update?version=${version}`, body);
  assert.match((await update('', { Name: 'db' })).text, /invalid secret version/);
  assert.match((await update('9', { Name: 'db' })).text, /update out of sequence/);
  assert.match((await update('1', { Name: 'other' })).text, /only updates to Labels are allowed/);
  assert.equal((await update('1', { Name: 'db', Labels: { a: '1' } })).status, 200);
  assert.deepEqual(harness.store.byName('db')?.labels, { a: '1' });
  const index = harness.store.byName('db')?.modifiedIndex ?? 0;
  assert.equal((await update(String(index), createBody('db', 'w'))).status, 200);
  assert.equal(harness.store.byName('db')?.versions.length, 2);
});

test('a secret of another driver is refused by the engine, which has no swarm', async (context) => {
  const harness = await withoutSwarm(context);
  const body = createBody('o', 'v', { Driver: { Name: 'vault' } });
  const answer = await harness.send('POST', '/secrets/create', body);
  assert.equal(answer.status, 503);
  assert.match(answer.text, /This node is not a swarm manager/);
});

test('a locked swarm is not no swarm: its refusal stands', async (context) => {
  const harness = await withoutSwarm(context);
  harness.engine.swarmState = 'locked';
  for (const answer of [
    await harness.send('GET', '/secrets'),
    await harness.send('GET', '/secrets/x'),
    await harness.send('DELETE', '/secrets/x'),
    await harness.send('POST', '/secrets/create', createBody('x', 'v')),
    await harness.send('POST', '/secrets/x/update?version=1', createBody('x', 'v')),
  ]) {
    assert.equal(answer.status, 503);
    assert.match(answer.text, /This node is not a swarm manager/);
  }
  assert.equal(harness.store.list().length, 0);
  assert.equal(harness.engine.hasReceived(Buffer.from('"Data":"dg=="').toString()), false);
});
