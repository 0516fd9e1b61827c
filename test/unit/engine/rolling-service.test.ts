// SPDX-License-Identifier: Apache-2.0
// A rolling update of a service, as it is asked of the engine.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { EngineClient } from '../../../src/engine/index.ts';
import { FakeEngine } from '../../support/fake-engine.ts';

const ID = 'a'.repeat(25);

/** As an engine of 20.10 says it, with what coffer knows nothing of. */
const SERVICE = {
  ID,
  Version: { Index: 40 },
  Spec: {
    Name: 'web',
    Labels: { 'com.example.tier': 'front' },
    TaskTemplate: {
      ContainerSpec: { Image: 'app', Secrets: [{ SecretID: 's', SecretName: 'db', File: { Name: 'db' } }] },
      ForceUpdate: 3,
      Runtime: 'container',
      Future: { kept: true },
    },
    Mode: { Replicated: { Replicas: 3 } },
    UpdateConfig: { Parallelism: 1, Delay: 10_000_000_000, FailureAction: 'rollback' },
    Future: [1, null],
  },
  UpdateStatus: {
    State: 'completed',
    StartedAt: '2026-01-01T00:00:00.123456789Z',
    Message: 'update completed',
  },
};

interface Asked {
  readonly url: string;
  readonly body: unknown;
}

interface Answers {
  /** Of `GET /services/ID`; null: there is none. */
  readonly service?: object | null;
  /** Status and body of the update's answer. */
  readonly answer?: readonly [number, object];
}

async function startEngine(
  context: TestContext,
  { answer = [200, { Warnings: null }], service = SERVICE }: Answers = {},
): Promise<{ readonly client: EngineClient; readonly asked: readonly Asked[] }> {
  const engine = await new FakeEngine().start();
  context.after(() => engine.remove());
  const asked: Asked[] = [];
  engine.handler = (request, response) => {
    const url = request.url ?? '';
    const reply = (status: number, value: unknown): void => {
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
    };
    if (request.method === 'GET') {
      asked.push({ url, body: undefined });
      const isService = url.startsWith('/services/');
      const found = isService
        ? service
        : [
            {
              ID: 't1',
              DesiredState: 'shutdown',
              Status: { State: 'failed', Err: 'exit (3)', Timestamp: '2026-01-01T00:00:01Z' },
              Spec: { ForceUpdate: 3 },
            },
            { ID: 't2', DesiredState: 'running', Status: { State: 'running' }, Spec: {} },
          ];
      reply(found === null ? 404 : 200, found ?? { message: 'no such service' });
      return true;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => {
      asked.push({ url, body: JSON.parse(Buffer.concat(chunks).toString()) });
      reply(...answer);
    });
    return true;
  };
  return { client: new EngineClient({ socketPath: engine.socketPath, timeout_ms: 5_000 }), asked };
}

test('a service tells how its update is, and its tasks what has become of them', async (context) => {
  const { asked, client } = await startEngine(context);
  assert.deepEqual(await client.inspectService(ID), {
    id: ID,
    name: 'web',
    versionIndex: 40,
    forceUpdate: 3,
    mode: 'replicated',
    replicas: 3,
    update: { state: 'completed', startedAt: '2026-01-01T00:00:00.123456789Z', message: 'update completed' },
  });
  assert.deepEqual(await client.serviceTasks(ID), [
    {
      id: 't1',
      isRunning: false,
      isWanted: false,
      forceUpdate: 3,
      error: 'exit (3)',
      changedAt_ms: 1_767_225_601_000,
    },
    { id: 't2', isRunning: true, isWanted: true, forceUpdate: 0, error: '', changedAt_ms: 0 },
  ]);
  assert.deepEqual(JSON.parse(new URL(asked[1]?.url ?? '', 'http://e').searchParams.get('filters') ?? ''), {
    service: [ID],
  });
});

for (const [what, Mode, expected] of [
  ['global', { Global: {} }, ['global', undefined]],
  ['a replicated job', { ReplicatedJob: { MaxConcurrent: 1 } }, ['job', undefined]],
  ['a global job', { GlobalJob: {} }, ['job', undefined]],
  ['without a number of replicas', { Replicated: {} }, ['replicated', 1]],
] as const) {
  test(`a service that is ${what} is told from others, and one that was never updated`, async (context) => {
    const service = {
      ID,
      Version: { Index: 1 },
      Spec: { Name: 'web', TaskTemplate: {}, Mode },
      UpdateStatus: {},
    };
    const { client } = await startEngine(context, { service });
    const found = await client.inspectService(ID);
    assert.deepEqual(
      [found?.mode, found?.replicas, found?.forceUpdate, found?.update],
      [...expected, 0, undefined],
    );
  });
}

test('a forced update sends the whole spec back as it was, but for its count', async (context) => {
  const { asked, client } = await startEngine(context);
  assert.equal(await client.forceService(ID, 40, 4), true);
  const post = asked.at(-1);
  assert.equal(post?.url, `/services/${ID}/update?version=40`);
  const { Spec } = SERVICE;
  assert.deepEqual(post.body, { ...Spec, TaskTemplate: { ...Spec.TaskTemplate, ForceUpdate: 4 } });
});

test('with other secrets in the place of some, their files and the rest stay as they were', async (context) => {
  const secret = (id: string, mode: number): object => ({
    SecretID: id,
    SecretName: `name of ${id}`,
    File: { Name: `/etc/${id}`, UID: '7', GID: '8', Mode: mode },
  });
  const container = { Image: 'web', Env: ['A=1'], Secrets: [secret('s1', 0o400), secret('s2', 0o444)] };
  const spec = { Name: 'web', TaskTemplate: { ContainerSpec: container, ForceUpdate: 3 } };
  const { asked, client } = await startEngine(context, { service: { ...SERVICE, Spec: spec } });
  const replacements = new Map([['s1', { id: 'n1', name: 'other' }]]);
  assert.equal(await client.forceService(ID, 40, 4, replacements), true);
  const changed = { ...secret('s1', 0o400), SecretID: 'n1', SecretName: 'other' };
  const ContainerSpec = { ...container, Secrets: [changed, secret('s2', 0o444)] };
  assert.deepEqual(asked.at(-1)?.body, { ...spec, TaskTemplate: { ContainerSpec, ForceUpdate: 4 } });
});

test('a forced update of a service that has changed, or is gone, is not sent', async (context) => {
  const { asked, client } = await startEngine(context);
  assert.equal(await client.forceService(ID, 39, 4), false);
  assert.ok(asked.every(({ body }) => body === undefined));
  const gone = await startEngine(context, { service: null });
  assert.equal(await gone.client.inspectService(ID), undefined);
  assert.equal(await gone.client.forceService(ID, 40, 4), false);
  assert.ok(gone.asked.every(({ body }) => body === undefined));
});

test('a forced update that comes too late is told from one that is refused', async (context) => {
  const late = await startEngine(context, {
    answer: [500, { message: 'rpc error: code = Unknown desc = update out of sequence' }],
  });
  assert.equal(await late.client.forceService(ID, 40, 4), false);
  const wrong = await startEngine(context, { answer: [400, { message: 'invalid spec' }] });
  await assert.rejects(
    wrong.client.forceService(ID, 40, 4),
    (error) =>
      error instanceof CofferError && error.code === 'engine.refused' && /invalid spec/.test(error.detail),
  );
});
