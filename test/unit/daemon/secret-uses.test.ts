// SPDX-License-Identifier: Apache-2.0
// Which services have which secrets of coffer's, by what the engine tells.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { secretUses } from '../../../src/daemon/secret-uses.ts';
import type { EngineClient } from '../../../src/engine/index.ts';

type Told = Partial<{ [Call in keyof EngineClient]: unknown }>;

/** An engine that manages its swarm, unless it is told otherwise. */
function engineWith(t: TestContext, told: Told): EngineClient {
  const answers: Told = {
    info: { swarmState: 'active', controlAvailable: true },
    listSecrets: [],
    listServices: [],
    listTasks: [],
    listNodes: [],
    ...told,
  };
  const calls = Object.entries(answers).map(([call, answer]) => [call, t.mock.fn(async () => answer)]);
  return Object.fromEntries(calls) as EngineClient;
}

test('a service has the secrets that it mounts, by their names in the store, and those in its volumes', async (t) => {
  const secret = (id: string, name: string, driver?: string, labels: object = {}): object => ({
    id,
    name,
    driver,
    labels,
  });
  const nodes = ['n1', 'n2'].map((id) => ({ id, hostname: `host-${id}`, role: 'worker', labels: {} }));
  const web = {
    id: 's1',
    name: 'web',
    labels: { tier: 'front' },
    image: 'redis:8',
    secrets: [
      { id: 'a', name: 'db' },
      { id: 'b', name: 'alias' },
      { id: 'c', name: 'own' },
      { id: 'd', name: 'gone' },
    ],
    mounts: [
      { source: 'v', driver: 'coffer:latest', options: { secrets: 'DB,api' } },
      { source: 'plain', driver: '', options: {} },
      { source: 'odd', driver: 'coffer', options: { mode: '0666' } },
    ],
  };
  const bare = { ...web, id: 's2', name: 'bare', secrets: [], mounts: [] };
  const idle = { ...bare, id: 's3', name: 'idle', secrets: [{ id: 'a', name: 'db' }] };
  const engine = engineWith(t, {
    listSecrets: [
      secret('a', 'db', 'coffer'),
      secret('b', 'alias', 'coffer:latest', { 'coffer.name': 'real' }),
      secret('c', 'own'),
    ],
    listServices: [web, bare, idle],
    listTasks: [
      { serviceId: 's1', nodeId: 'n2' },
      { serviceId: 's1', nodeId: 'n2' },
      { serviceId: 's1', nodeId: '' },
      { serviceId: 's2', nodeId: 'n1' },
    ],
    listNodes: nodes,
  });
  const uses = await secretUses(engine, 'coffer');
  assert.deepEqual(
    uses.map(({ nodes: where, secret: name, service }) => [service.name, name, where.map(({ id }) => id)]),
    [
      ['web', 'db', ['n2']],
      ['web', 'real', ['n2']],
      ['web', 'api', ['n2']],
      ['idle', 'db', []],
    ],
  );
  assert.deepEqual([uses[0]?.image, uses[0]?.service.labels], ['redis:8', { tier: 'front' }]);
});

test('an engine without a swarm has no services, and one that does not manage its swarm cannot tell', async (t) => {
  const alone = engineWith(t, { info: { swarmState: 'inactive', controlAvailable: false } });
  assert.deepEqual(await secretUses(alone, 'coffer'), []);
  const worker = engineWith(t, { info: { swarmState: 'active', controlAvailable: false } });
  await assert.rejects(secretUses(worker, 'coffer'), /engine\.refused.*does not manage its swarm/);
});
