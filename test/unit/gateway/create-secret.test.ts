// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CofferError, SecretValue } from '../../../src/common/index.ts';
import { createBody, eventually, type Harness, startGateway } from './gateway-harness.ts';

const CANARY = 'canary-7f3a19c4e2';

function stored(harness: Harness, name: string): string | undefined {
  const secret = harness.store.byName(name);
  return secret === undefined ? undefined : harness.store.readValue(secret.id, 1).expose().toString();
}

test('a created secret is registered in the engine without its data, and bound in the store', async (context) => {
  const harness = await startGateway(context);
  const answer = await harness.send(
    'POST',
    '/v1.41/secrets/create',
    createBody('db', CANARY, { Labels: { team: 'x' }, Templating: { Name: 'golang' } }),
  );
  assert.equal(answer.status, 201);
  const registered = harness.engine.secret('db');
  assert.ok(registered !== undefined);
  assert.deepEqual(JSON.parse(answer.text), { ID: registered.ID });
  assert.equal(answer.headers['api-version'], '1.41');
  assert.deepEqual(registered.Spec.Driver, { Name: 'coffer' });
  assert.deepEqual(registered.Spec.Labels, { team: 'x' });
  const secret = harness.store.byName('db');
  assert.equal(secret?.pending, false);
  assert.deepEqual(secret?.engine, { secretId: registered.ID, swarmId: harness.engine.swarmId });
  assert.equal(stored(harness, 'db'), CANARY);
  const create = harness.engine.seen.find(({ url }) => url.endsWith('/secrets/create'));
  assert.deepEqual(JSON.parse(create?.body.toString() ?? ''), {
    Name: 'db',
    Labels: { team: 'x' },
    Driver: { Name: 'coffer' },
    Templating: { Name: 'golang' },
  });
  assert.equal(harness.engine.hasReceived(CANARY), false);
});

test('a client that writes its options into the URL as well tells the engine nothing by that', async (context) => {
  const harness = await startGateway(context);
  const body = { Name: 'db', Data: Buffer.from(CANARY).toString('base64') };
  const query = new URLSearchParams(body).toString();
  assert.equal((await harness.send('POST', `/secrets/create?${query}`, body)).status, 201);
  assert.equal(stored(harness, 'db'), CANARY);
  const writes = harness.engine.seen.filter(({ method }) => method === 'POST');
  assert.deepEqual(
    writes.map(({ url }) => url),
    ['/secrets/create'],
  );
});

test('keys are read without regard to case, and an encoded path is the same call', async (context) => {
  const harness = await startGateway(context);
  const body = { name: 'low', DATA: Buffer.from(CANARY).toString('base64') };
  const answer = await harness.send('POST', '/secrets/%63reate', body);
  assert.equal(answer.status, 201);
  assert.equal(stored(harness, 'low'), CANARY);
  assert.equal(harness.engine.hasReceived(CANARY), false);
});

const REFUSALS = [
  [
    'a name that is missing',
    createBody('', 'x'),
    'rpc error: code = InvalidArgument desc = name must be provided',
  ],
  [
    'a name that ends in a dash',
    createBody('x-', 'x'),
    'rpc error: code = InvalidArgument desc = invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]',
  ],
  [
    'a value of 512,000 bytes',
    createBody('big', Buffer.alloc(512_000, 1)),
    'rpc error: code = InvalidArgument desc = secret data must be larger than 0 and less than 512000 bytes',
  ],
  ['base64 of the URL alphabet', { Name: 'b', Data: 'QUJD_-==' }, 'illegal base64 data at input byte 4'],
  [
    'a number for a name',
    { Name: 7, Data: 'QQ==' },
    'json: cannot unmarshal number into Go struct field SecretSpec.Name of type string',
  ],
  ['JSON that breaks off', '{"Name":"a","Data":"QQ', 'unexpected EOF'],
  ['something else', 'Name=a', "invalid character 'N' looking for beginning of value"],
  ['an empty body', '', 'got EOF while reading request body'],
] as const;

for (const [what, body, message] of REFUSALS) {
  test(`${what} is refused in the engine's words, and leaves nothing`, async (context) => {
    const harness = await startGateway(context);
    const answer = await harness.send('POST', '/v1.41/secrets/create', body);
    assert.equal(answer.status, 400);
    assert.deepEqual(JSON.parse(answer.text), { message });
    assert.equal(harness.store.list().length, 0);
    assert.equal(harness.engine.secrets.size, 0);
  });
}

test('a label with a sealed value goes to the engine as it is with the driver, and is refused beside data', async (context) => {
  const harness = await startGateway(context);
  const { engine, store } = harness;
  const labels = { 'coffer.sealed': 'coffer-sealed-1.whatever' };
  const driven = { Name: 'db', Labels: labels, Driver: { Name: 'coffer' } };
  assert.equal((await harness.send('POST', '/v1.41/secrets/create', driven)).status, 201);
  assert.deepEqual(engine.secret('db')?.Spec.Labels, labels);
  const both = { Name: 'api', Labels: labels, Data: Buffer.from('value').toString('base64') };
  const { status, text } = await harness.send('POST', '/v1.41/secrets/create', both);
  assert.equal(status, 400);
  assert.match(text, /label coffer.sealed holds the value itself: give no data with it, but the driver/);
  assert.equal(engine.secret('api'), undefined);
  assert.deepEqual(store.list(), []);
});

test('the largest value passes', async (context) => {
  const harness = await startGateway(context);
  const answer = await harness.send(
    'POST',
    '/v1.41/secrets/create',
    createBody('big', Buffer.alloc(511_999, 0)),
  );
  assert.equal(answer.status, 201);
  assert.equal(harness.store.byName('big')?.versions[0]?.size, 511_999);
});

test('a name that is taken, in any case of letters, is refused as the engine does', async (context) => {
  const harness = await startGateway(context);
  await harness.send('POST', '/v1.41/secrets/create', createBody('db', 'one'));
  const answer = await harness.send('POST', '/v1.41/secrets/create', createBody('DB', 'two'));
  assert.equal(answer.status, 409);
  assert.deepEqual(JSON.parse(answer.text), {
    message: 'rpc error: code = AlreadyExists desc = secret DB already exists',
  });
  assert.equal(stored(harness, 'db'), 'one');
});

test('a name that only the engine has is refused by the engine, and the value is gone', async (context) => {
  const harness = await startGateway(context);
  harness.engine.addSecret('plain');
  const answer = await harness.send('POST', '/v1.41/secrets/create', createBody('plain', CANARY));
  assert.equal(answer.status, 409);
  assert.equal(harness.store.list().length, 0);
});

test('a value put by hand keeps its name, and the refusal says where it is', async (context) => {
  const harness = await startGateway(context);
  await harness.store.propose({
    kind: 'put',
    id: 'a'.repeat(25),
    name: 'mine',
    labels: {},
    origin: 'control',
    expect: 'always',
    value: SecretValue.copyOf(Buffer.from('v')),
    at_ms: 1,
  });
  const answer = await harness.send('POST', '/v1.41/secrets/create', createBody('mine', 'other'));
  assert.equal(answer.status, 409);
  assert.match(answer.text, /secret mine already exists in coffer's store .*docker coffer put/);
  assert.equal(stored(harness, 'mine'), 'v');
});

test('a secret that was removed on the engine itself gives its name back', async (context) => {
  const harness = await startGateway(context);
  await harness.send('POST', '/v1.41/secrets/create', createBody('db', 'one'));
  harness.engine.secrets.clear();
  const answer = await harness.send('POST', '/v1.41/secrets/create', createBody('db', 'two'));
  assert.equal(answer.status, 201);
  assert.equal(stored(harness, 'db'), 'two');
});

test('an engine that says 500 but did it is looked up, and the client hears 201', async (context) => {
  const harness = await startGateway(context);
  harness.engine.createFault = '500-created';
  const answer = await harness.send('POST', '/v1.41/secrets/create', createBody('db', CANARY));
  assert.equal(answer.status, 201);
  assert.deepEqual(JSON.parse(answer.text), { ID: harness.engine.secret('db')?.ID });
  assert.equal(harness.store.byName('db')?.engine?.secretId, harness.engine.secret('db')?.ID);
});

test('an engine that says 500 and did not do it leaves nothing behind', async (context) => {
  const harness = await startGateway(context);
  harness.engine.createFault = '500';
  const answer = await harness.send('POST', '/v1.41/secrets/create', createBody('db', CANARY));
  assert.equal(answer.status, 500);
  assert.match(answer.text, /plugin \\"coffer\\" not found/);
  assert.equal(harness.store.list().length, 0);
});

test('an engine that ran out of time may do it yet: the value waits for the reconciler', async (context) => {
  const harness = await startGateway(context);
  harness.engine.createFault = '500-late';
  const answer = await harness.send('POST', '/v1.41/secrets/create', createBody('db', CANARY));
  assert.equal(answer.status, 500);
  assert.equal(harness.store.byName('db')?.pending, true);
});

test('a connection that is lost after the create is looked up', async (context) => {
  const harness = await startGateway(context);
  harness.engine.createFault = 'lost';
  const answer = await harness.send('POST', '/v1.41/secrets/create', createBody('db', CANARY));
  assert.equal(answer.status, 201);
  assert.equal(harness.store.byName('db')?.pending, false);
});

test('a connection that is lost before the create leaves nothing behind', async (context) => {
  const harness = await startGateway(context);
  harness.engine.createFault = 'lost-before';
  const answer = await harness.send('POST', '/v1.41/secrets/create', createBody('db', CANARY));
  assert.equal(answer.status, 503);
  assert.equal(harness.store.list().length, 0);
});

test('an engine that never answers is given up, and the value waits for the reconciler', async (context) => {
  const harness = await startGateway(context, { writeTimeout_ms: 50 });
  harness.engine.createFault = 'silent';
  const answer = await harness.send('POST', '/v1.41/secrets/create', createBody('db', CANARY));
  assert.equal(answer.status, 503);
  assert.match(answer.text, /ETIMEDOUT/);
  assert.equal(harness.store.byName('db')?.pending, true);
});

test('an engine that is lost for good during a create leaves it to the reconciler', async (context) => {
  const harness = await startGateway(context);
  harness.engine.handler = (request) => {
    if (request.url?.endsWith('/secrets/create') === true) {
      void harness.engine.stop();
      return true;
    }
    return false;
  };
  const answer = await harness.send('POST', '/v1.41/secrets/create', createBody('db', CANARY));
  assert.equal(answer.status, 503);
  assert.equal(harness.store.byName('db')?.pending, true);
});

test('a client that leaves in the middle gets a whole secret', async (context) => {
  const harness = await startGateway(context);
  let goOn: (() => void) | undefined;
  harness.engine.handler = (request, response) => {
    if (request.url?.endsWith('/secrets/create') !== true) {
      return false;
    }
    goOn = () => {
      const id = harness.engine.addSecret('db', 'coffer').ID;
      response.writeHead(201, { 'Content-Type': 'application/json' }).end(JSON.stringify({ ID: id }));
    };
    return true;
  };
  const client = await harness.open();
  const body = JSON.stringify(createBody('db', CANARY));
  client.write(
    `POST /v1.41/secrets/create HTTP/1.1\r\nHost: d\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await eventually(() => goOn !== undefined, 'the call to the engine');
  assert.equal(harness.store.byName('db')?.pending, true);
  client.socket.destroy();
  goOn?.();
  await eventually(() => harness.store.byName('db')?.pending === false, 'the activation');
});

test('a full disk is refused before the engine hears of it', async (context) => {
  const harness = await startGateway(context);
  harness.store.proposeError = new CofferError('store.disk-full', 'the disk is full');
  const answer = await harness.send('POST', '/v1.41/secrets/create', createBody('db', CANARY));
  assert.equal(answer.status, 507);
  assert.match(answer.text, /the disk is full/);
  assert.equal(harness.engine.secrets.size, 0);
});

test('while the store does not serve, values are refused with the reason, and all else passes', async (context) => {
  const harness = await startGateway(context, {
    storeSource: () => {
      throw new CofferError('store.damaged', 'the store is damaged', { hint: 'run coffer doctor' });
    },
  });
  const answer = await harness.send('POST', '/v1.41/secrets/create', createBody('db', CANARY));
  assert.equal(answer.status, 503);
  assert.deepEqual(JSON.parse(answer.text), { message: 'coffer: the store is damaged (run coffer doctor)' });
  assert.equal((await harness.send('GET', '/v1.41/secrets')).status, 200);
  assert.equal((await harness.send('GET', '/_ping')).status, 200);
  const other = await harness.send(
    'POST',
    '/v1.41/secrets/create',
    createBody('o', 'v', { Driver: { Name: 'vault' } }),
  );
  assert.equal(other.status, 201);
  assert.equal(harness.engine.hasReceived(CANARY), false);
});

test('a body that names another driver goes to the engine as it is', async (context) => {
  const harness = await startGateway(context);
  const body = JSON.stringify(createBody('o', 'v', { Driver: { Name: 'vault' }, Extra: [1, { a: null }] }));
  const answer = await harness.send('POST', '/v1.41/secrets/create', body);
  assert.equal(answer.status, 201);
  assert.equal(harness.engine.seen.at(-1)?.body.toString(), body);
  assert.equal(harness.store.list().length, 0);
});

test('a name with the tag latest is the same driver', async (context) => {
  const harness = await startGateway(context, { driverName: () => 'mp' });
  const body = createBody('db', CANARY, { Driver: { Name: 'mp:latest' } });
  assert.equal((await harness.send('POST', '/v1.41/secrets/create', body)).status, 201);
  assert.deepEqual(harness.engine.secret('db')?.Spec.Driver, { Name: 'mp:latest' });
  assert.equal(harness.engine.hasReceived(CANARY), false);
});

test('a body beyond the limit gets a clear error, and the connection serves on', async (context) => {
  const harness = await startGateway(context);
  const client = await harness.open();
  const size = 9 * 1024 * 1024;
  client.write(`POST /v1.41/secrets/create HTTP/1.1\r\nHost: d\r\nContent-Length: ${size}\r\n\r\n`);
  client.write('x'.repeat(size));
  await client.has('413 Payload Too Large');
  client.write('GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n');
  await client.has('OK');
});
