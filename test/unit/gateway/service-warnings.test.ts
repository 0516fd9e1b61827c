// SPDX-License-Identifier: Apache-2.0
// What is said of a service that would be refused secrets, in the engine's own answer, which is otherwise the engine's.
import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { aRule } from '../../support/cluster-objects.ts';
import { addSealingKey, sealedFor } from '../../support/sealed-values.ts';
import { putValue } from '../../support/test-store.ts';
import { type Harness, type HarnessOptions, startGateway } from './gateway-harness.ts';

const CREATE = '/v1.41/services/create';
const ANSWER = '{"ID":"service1"}\n';

interface Story extends Harness {
  /** What the engine has got as the spec, and how. */
  readonly received: { body: string; headers: readonly string[] };
  /** The engine's answer to it. */
  reply: (response: ServerResponse) => void;
  /** The spec of a service that has these of the engine's secrets. */
  specWith(...names: readonly string[]): object;
}

async function start(t: TestContext, options: HarnessOptions = {}): Promise<Story> {
  const harness = await startGateway(t, options);
  const story: Story = {
    ...harness,
    received: { body: '', headers: [] },
    reply: (response) => json(response, 201, ANSWER),
    specWith: (...names) => ({
      Name: 'web',
      TaskTemplate: {
        ContainerSpec: {
          Image: 'redis:8',
          Secrets: names.map((name) => ({ SecretID: harness.engine.secret(name)?.ID, SecretName: name })),
        },
      },
    }),
  };
  harness.engine.handler = (request: IncomingMessage, response: ServerResponse) => {
    if (request.method !== 'POST' || !/\/services\//.test(request.url ?? '')) {
      return false;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      story.received.body = Buffer.concat(chunks).toString();
      story.received.headers = request.rawHeaders;
      story.reply(response);
    });
    return true;
  };
  return story;
}

function json(response: ServerResponse, status: number, body: string, more: readonly string[] = []): void {
  const length = ['Content-Length', String(Buffer.byteLength(body))];
  response.writeHead(status, ['Content-Type', 'application/json', ...more, ...length]);
  response.end(body);
}

function warningsIn(text: string): readonly string[] {
  return (JSON.parse(text) as { readonly Warnings?: readonly string[] }).Warnings ?? [];
}

test('a service whose secret has no value is created, and the answer says so and what to type', async (t) => {
  const story = await start(t);
  story.engine.addSecret('db', 'coffer');
  const spec = story.specWith('db');
  const { status, text, headers } = await story.send('POST', CREATE, spec);
  assert.equal(status, 201);
  assert.deepEqual(JSON.parse(text), {
    ID: 'service1',
    Warnings: [
      'coffer will refuse secret db to service web: coffer holds no secret db. Store its value: docker coffer put db -',
    ],
  });
  assert.equal(headers['content-length'], String(Buffer.byteLength(text)));
  assert.equal(story.received.body, JSON.stringify(spec), 'the engine has got it as it was sent');
});

test('a sealed value that opens says nothing, and one that was sealed for another secret does', async (t) => {
  const story = await start(t);
  const key = await addSealingKey(story.store);
  const labels = { 'coffer.sealed': sealedFor(key, 'db', 'value') };
  story.engine.addSecret('db', 'coffer', labels);
  assert.equal((await story.send('POST', CREATE, story.specWith('db'))).text, ANSWER);
  story.engine.addSecret('api', 'coffer', labels);
  const { text } = await story.send('POST', CREATE, story.specWith('db', 'api'));
  assert.deepEqual(warningsIn(text), [
    'coffer will refuse secret api to service web: the value was sealed for secret db outside of stacks, and not for secret api outside of stacks. ' +
      'Seal it for this one: docker coffer seal --name api -',
  ]);
});

test('a service that will get all its secrets is answered byte for byte as by the engine', async (t) => {
  const story = await start(t);
  story.engine.addSecret('db', 'coffer');
  story.engine.addSecret('plain');
  await putValue(story.store, 'db', Buffer.from('value'));
  for (const target of [CREATE, '/services/create', '/v1.41/services/web/update?version=3']) {
    assert.equal((await story.send('POST', target, story.specWith('db', 'plain'))).text, ANSWER, target);
  }
});

test('an update says the same; a rollback is to something else, and says nothing', async (t) => {
  const story = await start(t);
  story.reply = (response) => json(response, 200, '{"Warnings":null}\n');
  story.engine.addSecret('db', 'coffer:latest');
  const spec = story.specWith('db');
  const update = '/v1.41/services/web/update?version=3';
  assert.equal(warningsIn((await story.send('POST', update, spec)).text).length, 1);
  assert.equal((await story.send('POST', `${update}&rollback=previous`, spec)).text, '{"Warnings":null}\n');
});

test('versions that are destroyed, rules and locks are told, each in a sentence', async (t) => {
  let isLocked = false;
  const story: Story = await start(t, {
    storeSource: () => {
      if (isLocked) {
        throw new CofferError('store.locked', 'the keys are locked', { hint: 'docker coffer unlock' });
      }
      return story.store;
    },
  });
  const { engine, store } = story;
  const { id } = await putValue(store, 'db', Buffer.from('one'));
  await putValue(store, 'db', Buffer.from('two'));
  await store.propose({ kind: 'destroy', id, numbers: [1], at_ms: 2 });
  const old = engine.addSecret('old', 'coffer');
  Object.assign(old.Spec.Labels, { 'coffer.name': 'db', 'coffer.version': '1' });
  engine.addSecret('db', 'coffer');
  const said = async (...names: readonly string[]): Promise<string> =>
    warningsIn((await story.send('POST', CREATE, story.specWith(...names))).text).join('\n');

  assert.match(
    await said('old', 'db'),
    /^coffer will refuse secret db .*version 1 of secret db was destroyed\. .*history db$/,
  );
  await store.propose({ kind: 'put-policy-rule', rule: aRule('onnode', { effect: 'deny', node: 'north' }) });
  assert.match(await said('db'), /^coffer may refuse secret db to service web: it depends on the nodes/);
  await store.propose({ kind: 'put-policy-rule', rule: aRule('always', { effect: 'deny', service: 'web' }) });
  assert.match(
    await said('db'),
    /^coffer will refuse .*rule always denies .*docker coffer policy rm always$/,
  );
  isLocked = true;
  assert.equal(
    await said('db', 'old'),
    'coffer may refuse db to service web: the keys are locked. docker coffer unlock',
  );
});

test('the warnings go behind those of the engine, and no other byte is another one', async (t) => {
  const story = await start(t);
  story.engine.addSecret('db', 'coffer');
  const ours = JSON.stringify(
    'coffer will refuse secret db to service web: coffer holds no secret db. Store its value: docker coffer put db -',
  );
  const cases: readonly (readonly [given: string, expected: string])[] = [
    ['{}', `{"Warnings":[${ours}]}`],
    ['{ "ID": "a" }\n', `{ "ID": "a" ,"Warnings":[${ours}]}\n`],
    ['{"Warnings":null,"ID":"a"}', `{"Warnings":[${ours}],"ID":"a"}`],
    ['{"Warnings":[ ],"ID":"a"}', `{"Warnings":[ ${ours}],"ID":"a"}`],
    ['{"warnings":["own"]}', `{"warnings":["own",${ours}]}`],
    // What is not as expected goes on as it is.
    ['{"Warnings":"x"}', '{"Warnings":"x"}'],
    ['{"Warnings":[],"warnings":[]}', '{"Warnings":[],"warnings":[]}'],
    ['[]', '[]'],
    ['{"ID"', '{"ID"'],
    ['{}{}', '{}{}'],
    ['', ''],
  ];
  for (const [given, expected] of cases) {
    story.reply = (response) => json(response, 201, given);
    assert.equal((await story.send('POST', CREATE, story.specWith('db'))).text, expected, given);
  }
});

test('an answer that says no, is coded, is no JSON, or is long goes on as it is', async (t) => {
  const story = await start(t);
  story.engine.addSecret('db', 'coffer');
  const long = `{"ID":"${'a'.repeat(70_000)}"}`;
  const replies: readonly (readonly [
    what: string,
    (response: ServerResponse) => void,
    status: number,
    text: string,
  ])[] = [
    ['refused', (response) => json(response, 409, '{"message":"no"}'), 409, '{"message":"no"}'],
    ['coded', (response) => json(response, 201, ANSWER, ['Content-Encoding', 'br']), 201, ANSWER],
    [
      'of another type',
      (response) => void response.writeHead(201, { 'Content-Type': 'text/plain' }).end(ANSWER),
      201,
      ANSWER,
    ],
    ['long', (response) => json(response, 201, long), 201, long],
    [
      'long, in chunks',
      (response) => void response.writeHead(201, { 'Content-Type': 'application/json' }).end(long),
      201,
      long,
    ],
    ['with a trailer', withTrailer, 201, ANSWER],
  ];
  for (const [what, reply, status, text] of replies) {
    story.reply = reply;
    const answer = await story.send('POST', CREATE, story.specWith('db'));
    assert.deepEqual([answer.status, answer.text], [status, text], what);
  }
});

function withTrailer(response: ServerResponse): void {
  response.writeHead(201, { 'Content-Type': 'application/json', Trailer: 'X-End' });
  response.addTrailers({ 'X-End': 'yes' });
  response.end(ANSWER);
}

test('an answer in chunks is amended; one that stops in its middle goes on as far as it came', async (t) => {
  const story = await start(t);
  story.engine.addSecret('db', 'coffer');
  story.reply = (response) =>
    void response.writeHead(201, { 'Content-Type': 'application/json' }).end(ANSWER);
  assert.equal(warningsIn((await story.send('POST', CREATE, story.specWith('db'))).text).length, 1);

  let end: () => void = () => undefined;
  story.reply = (response) => {
    response.writeHead(201, { 'Content-Type': 'application/json' });
    response.write('{"ID":');
    end = () => response.end('"late"}');
  };
  const client = await story.open();
  const body = JSON.stringify(story.specWith('db'));
  client.write(`POST ${CREATE} HTTP/1.1\r\nHost: d\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await client.has('{"ID":');
  end();
  await client.has('"late"}');
  assert.doesNotMatch(client.received, /Warnings/);

  story.reply = (response) => {
    response.writeHead(201, { 'Content-Type': 'application/json', 'Content-Length': '100' });
    response.write('{"ID":');
    setImmediate(() => response.socket?.destroy());
  };
  await assert.rejects(story.send('POST', CREATE, story.specWith('db')), 'a cut is seen as one');
});

test('whatever stands in the request reaches the engine, and says nothing', async (t) => {
  const story = await start(t);
  story.engine.addSecret('db', 'coffer');
  const spec = story.specWith('db');
  const large = JSON.stringify({ ...spec, Padding: 'p'.repeat(1_100_000) });
  const bodies: readonly string[] = [
    '',
    'no JSON',
    'null',
    '[]',
    '['.repeat(100_000),
    '{"TaskTemplate":{"ContainerSpec":{"Secrets":"x"}}}',
    '{"TaskTemplate":{"ContainerSpec":{"Secrets":[{"SecretID":7}]}}}',
    '{"TaskTemplate":{"ContainerSpec":{"Secrets":[{"SecretID":"../../x?y=\\u0000"}]}}}',
    `{"Name":{"__proto__":1},"TaskTemplate":null}`,
    large,
  ];
  for (const body of bodies) {
    const answer = await story.send('POST', CREATE, body);
    assert.deepEqual([answer.status, answer.text], [201, ANSWER], body.slice(0, 60));
    assert.equal(story.received.body, body);
  }
  const coded = await story.send('POST', CREATE, spec, ['Content-Encoding', 'gzip']);
  assert.equal(coded.text, ANSWER);
});

test('an engine that does not tell its secrets is not waited for', async (t) => {
  const story = await start(t);
  story.engine.addSecret('db', 'coffer');
  const spec = story.specWith('db');
  const before = story.engine.handler;
  // A list of secrets is never answered.
  story.engine.handler = (request, response) =>
    /\/secrets\?/.test(request.url ?? '') || before?.(request, response) === true;
  assert.equal((await story.send('POST', CREATE, spec)).text, ANSWER);
});

test('a service with many such secrets is told of ten, and of how many more', async (t) => {
  const story = await start(t);
  const names = Array.from({ length: 15 }, (_, at) => `s${at}`);
  names.forEach((name) => story.engine.addSecret(name, 'coffer'));
  const warnings = warningsIn((await story.send('POST', CREATE, story.specWith(...names))).text);
  assert.equal(warnings.length, 11);
  assert.equal(warnings.at(-1), 'coffer would say 5 more such things.');
});

test('a secret in a volume of the service counts too', async (t) => {
  const story = await start(t);
  const mount = {
    Type: 'volume',
    Source: 'v',
    VolumeOptions: { DriverConfig: { Name: 'coffer', Options: { secrets: 'api' } } },
  };
  const spec = { Name: 'web', TaskTemplate: { ContainerSpec: { Image: 'redis:8', Mounts: [mount] } } };
  const { text } = await story.send('POST', CREATE, spec);
  assert.match(
    warningsIn(text).join(),
    /^coffer will refuse secret api to service web: coffer holds no secret api/,
  );
});
