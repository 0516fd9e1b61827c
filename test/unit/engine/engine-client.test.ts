// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import {
  EngineClient,
  type EngineEvent,
  type EngineObjectEvent,
  engineStatus,
  isSameDriver,
} from '../../../src/engine/index.ts';
import { linesOf } from '../../../src/engine/lines.ts';
import { FakeEngine } from '../../support/fake-engine.ts';
import { buildTestProgram } from '../../support/program.ts';

interface Room {
  readonly engine: FakeEngine;
  readonly client: EngineClient;
}

async function startRoom(context: TestContext, timeout_ms = 5_000): Promise<Room> {
  const engine = await new FakeEngine().start();
  context.after(() => engine.remove());
  return { engine, client: new EngineClient({ socketPath: engine.socketPath, timeout_ms }) };
}

function answerWith(engine: FakeEngine, status: number, body: string): void {
  engine.handler = (_request, response) => {
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(body);
    return true;
  };
}

test('the engine tells of itself and its secrets', async (context) => {
  const { engine, client } = await startRoom(context);
  const added = engine.addSecret('db', 'coffer:latest');
  await client.ping();
  assert.deepEqual(await client.info(), {
    swarmState: 'active',
    swarmId: engine.swarmId,
    controlAvailable: true,
    nodeId: 'node1',
    nodeAddress: undefined,
    managerAddresses: [],
    serverVersion: '20.10.24',
  });
  const [secret] = await client.listSecrets({ names: ['db'] });
  assert.deepEqual(secret, {
    id: added.ID,
    name: 'db',
    driver: 'coffer:latest',
    labels: {},
    createdAt: '1970-01-01T00:00:00.000Z',
    versionIndex: 11,
  });
  assert.deepEqual(await client.inspectSecret(added.ID), secret);
  assert.equal(await client.removeSecret(added.ID), true);
  assert.equal(await client.removeSecret(added.ID), false);
  assert.equal(await client.inspectSecret(added.ID), undefined);
});

test('services come with the secrets and volumes that they use, and a plugin with its name', async (context) => {
  const { engine, client } = await startRoom(context);
  const Mounts = [{ Type: 'volume', Source: 'v', VolumeOptions: { DriverConfig: { Name: 'coffer' } } }];
  const Secrets = [{ SecretID: 's1', SecretName: 'db', File: { Name: 'x' } }];
  answerWith(
    engine,
    200,
    JSON.stringify([
      {
        ID: 'a',
        Spec: {
          Name: 'web',
          Labels: { tier: 'front' },
          TaskTemplate: { ContainerSpec: { Image: 'bb:1', Mounts, Secrets } },
        },
      },
      { ID: 'b', Spec: { Name: 'bare', TaskTemplate: { ContainerSpec: {} } } },
    ]),
  );
  assert.deepEqual(await client.listServices(), [
    {
      id: 'a',
      name: 'web',
      labels: { tier: 'front' },
      image: 'bb:1',
      mounts: [{ source: 'v', driver: 'coffer', options: {} }],
      secrets: [{ id: 's1', name: 'db' }],
    },
    { id: 'b', name: 'bare', labels: {}, image: '', mounts: [], secrets: [] },
  ]);
  answerWith(engine, 200, '{"Id":"0f","Name":"coffer:latest"}');
  assert.equal(await client.pluginName('0f'), 'coffer:latest');
});

test('a task comes with the volumes that it mounts, and with where it is and is to be', async (context) => {
  const { engine, client } = await startRoom(context);
  const Mounts = [
    {
      Type: 'volume',
      Source: 'db',
      VolumeOptions: { DriverConfig: { Name: 'coffer', Options: { uid: '7' } } },
    },
    { Type: 'volume', Target: '/tmp/x', VolumeOptions: { Labels: {} } },
    { Type: 'bind', Source: '/etc', Target: '/etc' },
  ];
  answerWith(
    engine,
    200,
    JSON.stringify([
      {
        ID: 't1',
        ServiceID: 's1',
        NodeID: 'n1',
        Status: { State: 'running', Timestamp: 'x' },
        DesiredState: 'running',
        Spec: { ContainerSpec: { Image: 'bb', Mounts, Secrets: [{ SecretID: 'x', SecretName: 'db' }] } },
      },
      { ID: 't2', ServiceID: 's1', DesiredState: 'somewhere else', Spec: { NetworkAttachmentSpec: {} } },
    ]),
  );
  assert.deepEqual(await client.listTasks(), [
    {
      id: 't1',
      serviceId: 's1',
      nodeId: 'n1',
      state: 'running',
      desiredState: 'running',
      image: 'bb',
      mounts: [
        { source: 'db', driver: 'coffer', options: { uid: '7' } },
        { source: '', driver: '', options: {} },
      ],
      secrets: [{ id: 'x', name: 'db' }],
    },
    {
      id: 't2',
      serviceId: 's1',
      nodeId: '',
      state: 'new',
      desiredState: 'orphaned',
      image: '',
      mounts: [],
      secrets: [],
    },
  ]);
  answerWith(engine, 200, '[{"ServiceID":"without an id"}]');
  await assert.rejects(client.listTasks(), /engine\.refused.*not a list of tasks/);
});

test('containers are those that mount one of the volumes, whatever else the engine finds by their names', async (context) => {
  const { engine, client } = await startRoom(context);
  const container = (Id: string, Mounts: unknown, more: object = {}): object => ({
    Id,
    Names: ['/other/alias', `/name-${Id}`],
    Image: 'bb',
    ImageID: 'sha256:1',
    Labels: { a: 'b' },
    State: 'running',
    Mounts,
    ...more,
  });
  const volume = { Type: 'volume', Name: 'db', Driver: 'coffer' };
  answerWith(
    engine,
    200,
    JSON.stringify([
      container('1', [volume, { Type: 'bind', Source: '/etc' }]),
      container('2', [{ Type: 'volume', Name: 'other' }]),
      container('3', [volume], { State: 'hibernating', Labels: null, Names: null }),
    ]),
  );
  const common = { image: 'bb', imageId: 'sha256:1', volumes: ['db'] };
  assert.deepEqual(await client.listContainers(['db', 'x']), [
    { id: '1', name: 'name-1', labels: { a: 'b' }, state: 'running', ...common },
    { id: '3', name: '', labels: {}, state: 'dead', ...common },
  ]);
  assert.deepEqual(await client.listContainers([]), [], 'no volumes, and not all containers');
});

test('a signal goes to a container, and it is no error if that does not run', async (context) => {
  const { engine, client } = await startRoom(context);
  let status = 204;
  let url = '';
  engine.handler = (request, response) => {
    url = `${request.method} ${request.url}`;
    response
      .writeHead(status, { 'Content-Type': 'application/json' })
      .end(status === 204 ? '' : '{"message":"no"}');
    return true;
  };
  assert.equal(await client.killContainer('c1', 'SIGHUP'), true);
  assert.equal(url, 'POST /containers/c1/kill?signal=SIGHUP');
  for (status of [404, 409]) {
    assert.equal(await client.killContainer('c1', 'SIGHUP'), false);
  }
  status = 500;
  await assert.rejects(client.killContainer('c1', 'SIGHUP'), { code: 'engine.refused' });
  await assert.rejects(client.killContainer('../x', 'SIGHUP'), { code: 'request.invalid' });
});

test('an engine that answers null has an empty list', async (context) => {
  const { engine, client } = await startRoom(context);
  answerWith(engine, 200, 'null\n');
  assert.deepEqual(await client.listSecrets(), []);
  assert.deepEqual(await client.listServices(), []);
  assert.deepEqual(await client.listTasks(), []);
  assert.deepEqual(await client.listContainers(['db']), []);
});

test('the URL holds filters at most, and no call has a body', async (context) => {
  const { engine, client } = await startRoom(context);
  const { ID } = engine.addSecret('db');
  await client.info();
  await client.listSecrets();
  await client.listSecrets({ names: ['a&b'] });
  await client.inspectSecret(ID);
  await client.listServices().catch(() => undefined);
  await client.listTasks({ desiredStates: ['ready', 'running'] }).catch(() => undefined);
  await client.listContainers(['db', 'web']).catch(() => undefined);
  await client.removeSecret(ID);
  assert.deepEqual(
    engine.seen.map(({ method, url, body }) => `${method} ${decodeURIComponent(url)} ${body.length}`),
    [
      'GET /info 0',
      'GET /secrets?filters={} 0',
      'GET /secrets?filters={"names":["a&b"]} 0',
      `GET /secrets/${ID} 0`,
      'GET /services 0',
      'GET /tasks?filters={"desired-state":["ready","running"]} 0',
      'GET /containers/json?all=true&filters={"volume":["db","web"]} 0',
      `DELETE /secrets/${ID} 0`,
    ],
  );
});

test('an id that is none never becomes a path', async (context) => {
  const { engine, client } = await startRoom(context);
  await assert.rejects(client.inspectSecret('../services'), { code: 'request.invalid' });
  await assert.rejects(client.removeSecret('a?x=1'), { code: 'request.invalid' });
  assert.deepEqual(engine.seen, []);
});

test('a refusal keeps its status and text; silence and absence are told apart from it', async (context) => {
  const { engine, client } = await startRoom(context, 100);
  engine.swarmState = 'locked';
  await assert.rejects(client.listSecrets(), (thrown) => {
    assert.equal(engineStatus(thrown), 503);
    assert.match(String(thrown), /engine\.refused.*This node is not a swarm manager/);
    return true;
  });
  answerWith(engine, 200, '{"not":"a list"}');
  await assert.rejects(client.listSecrets(), { code: 'engine.refused' });
  engine.handler = () => true;
  await assert.rejects(client.info(), { code: 'engine.unreachable' });
  await engine.stop();
  await assert.rejects(client.ping(), (thrown) => {
    assert.match(String(thrown), /engine\.unreachable.*does not answer \(ENOENT\)/);
    assert.equal(engineStatus(thrown), undefined);
    return true;
  });
});

test('events come one by one, however the stream is cut, until they are no longer wanted', async (context) => {
  const { engine, client } = await startRoom(context);
  const stop = new AbortController();
  const seen: EngineEvent[] = [];
  engine.handler = (request, response) => {
    assert.equal(decodeURIComponent(request.url ?? ''), '/events?filters={"type":["secret"]}');
    response.writeHead(200).flushHeaders();
    const line = '{"Type":"secret","Action":"remove","Actor":{"ID":"x1","Attributes":{"name":"dß"}}}';
    const bytes = Buffer.from(`${line}\n{"Type":"node"}\nnonsense\n${line}\n`);
    for (const byte of bytes) {
      response.write(Buffer.of(byte));
    }
    return true;
  };
  for await (const event of client.events(stop.signal)) {
    seen.push(event);
    if (seen.length === 3) {
      stop.abort();
    }
  }
  const removal = { kind: 'secret', action: 'remove', secretId: 'x1', name: 'dß' };
  assert.deepEqual(seen, [{ kind: 'open' }, removal, removal]);
});

test('events on several subjects come with what happened and to what', async (context) => {
  const { engine, client } = await startRoom(context);
  const stop = new AbortController();
  const seen: EngineObjectEvent[] = [];
  engine.handler = (request, response) => {
    const filters = '{"type":["container","node"],"event":["start","update"]}';
    assert.equal(decodeURIComponent(request.url ?? ''), `/events?filters=${filters}`);
    response.writeHead(200).flushHeaders();
    response.write('{"Type":"container","Action":"start","Actor":{"ID":"c1"},"id":"c1"}\n');
    response.write('{"Type":"volume","Action":"mount","Actor":{"ID":"db"}}\n{"Type":"container"}\n');
    response.write('{"Type":"node","Action":"update","Actor":{"ID":"n1","Attributes":{"name":"a"}}}\n');
    return true;
  };
  for await (const event of client.objectEvents(['container', 'node'], ['start', 'update'], stop.signal)) {
    seen.push(event);
    if (seen.length === 3) {
      stop.abort();
    }
  }
  assert.deepEqual(seen, [
    { kind: 'open' },
    { kind: 'object', subject: 'container', action: 'start', id: 'c1' },
    { kind: 'object', subject: 'node', action: 'update', id: 'n1' },
  ]);
});

test('an event stream that breaks throws', async (context) => {
  const { engine, client } = await startRoom(context);
  const read = async (): Promise<void> => {
    for await (const event of client.events(new AbortController().signal)) {
      assert.equal(event.kind, 'open');
      await engine.stop();
    }
  };
  await assert.rejects(read(), { code: 'engine.unreachable' });
});

test('a line without an end is refused', async () => {
  async function* endless(): AsyncGenerator<Buffer> {
    for (;;) {
      yield Buffer.alloc(100, 'x');
    }
  }
  const read = async (): Promise<void> => {
    for await (const line of linesOf(endless(), 1_000)) {
      assert.fail(line);
    }
  };
  await assert.rejects(read(), { code: 'engine.refused' });
});

test('the environment neither redirects the client nor makes it print', async (context) => {
  const { engine } = await startRoom(context);
  const program = await buildTestProgram('ping-engine');
  const env = { DEBUG: '*', DOCKER_HOST: 'tcp://127.0.0.1:1', DOCKER_TLS_VERIFY: '1' };
  const ping = promisify(execFile)(process.execPath, [program, engine.socketPath], { env, timeout: 10_000 });
  assert.deepEqual(await ping, { stdout: 'pong\n', stderr: '' });
});

test('a driver name is the same with the tag latest', () => {
  assert.ok(isSameDriver('mp', 'mp:latest'));
  assert.ok(!isSameDriver('mp', 'mp:2'));
  assert.ok(!isSameDriver('mp', 'm'));
});
