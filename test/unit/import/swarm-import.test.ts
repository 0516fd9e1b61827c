// SPDX-License-Identifier: Apache-2.0
// An import from its beginning to its end, with a swarm that is played.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import type {
  DriverSecret,
  EngineInfo,
  EngineSecret,
  EngineSecretReference,
  OneShotState,
  SecretFilters,
} from '../../../src/engine/index.ts';
import { type ImportDescription, SwarmImport, type SwarmImportOptions } from '../../../src/import/index.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { RollingSwarm } from '../../support/rolling-swarm.ts';
import { waitFor } from '../../support/wait-for.ts';

type Replacements = ReadonlyMap<string, EngineSecretReference>;

const INFO: EngineInfo = {
  swarmState: 'active',
  swarmId: 'sw',
  controlAvailable: true,
  nodeId: 'n1',
  nodeAddress: undefined,
  managerAddresses: [],
  serverVersion: '28',
};

class PlayedSwarm {
  readonly rolling = new RollingSwarm(() => 'x');
  readonly store = new MemoryStore();
  readonly calls: string[] = [];
  info: EngineInfo = INFO;
  secrets: readonly EngineSecret[] = ['db', 'key'].map((name) => this.#secret(name));
  state: OneShotState = { state: 'running', problem: '', containerId: 'c1' };
  /** What is read waits until this resolves. */
  gate: Promise<void> = Promise.resolve();

  constructor() {
    this.rolling.add('web');
  }

  swarmImport(): SwarmImport {
    const { rolling } = this;
    const engine: SwarmImportOptions['engine'] = {
      info: async () => this.info,
      listSecrets: async (filters?: SecretFilters) =>
        this.secrets.filter(({ name }) => filters?.names?.includes(name) ?? true),
      listServices: async () => [
        {
          id: 'id-web',
          name: 'web',
          labels: {},
          image: 'i',
          mounts: [],
          secrets: [{ id: 'id-db', name: 'db' }],
        },
      ],
      inspectService: async (id) => rolling.inspectService(id),
      serviceTasks: async (id) => rolling.serviceTasks(id),
      forceService: async (id, versionIndex, forceUpdate, replacements?: Replacements) => {
        this.calls.push(
          `force ${[...(replacements ?? [])].map(([from, to]) => `${from}>${to.name}`).join(' ')}`,
        );
        return rolling.forceService(id, versionIndex, forceUpdate);
      },
      createSecret: async (wish) => this.#create(wish),
      removeSecret: async (id) => {
        this.calls.push(`remove ${id}`);
        this.secrets = this.secrets.filter((secret) => secret.id !== id);
        return true;
      },
    };
    const tasks: SwarmImportOptions['tasks'] = {
      importImage: async (_archive, owner) => `sha256:${owner}`,
      start: async ({ imageId }) => {
        this.calls.push(`start ${imageId}`);
        return 's1';
      },
      state: async () => this.state,
      run: async () => {
        await this.gate;
        return Buffer.from([0, 0, 0, 1, 7, 0, 0, 0, 2, 8, 9]);
      },
      removeTasks: async () => undefined,
      removeAll: async (owner) => void this.calls.push(`remove all of ${owner}`),
    };
    return new SwarmImport({
      engine,
      tasks,
      store: () => this.store,
      driverName: () => 'coffer',
      now_ms: () => 1_000,
      monotonic_ms: () => 0,
      pause: () => Promise.resolve(),
      logger: { debug: nothing, info: nothing, warn: nothing, error: nothing },
    });
  }

  #secret(name: string, driver?: string, labels: EngineSecret['labels'] = {}): EngineSecret {
    return { id: `id-${name}`, name, driver, labels, createdAt: '', versionIndex: 1 };
  }

  #create({ driver, labels, name }: DriverSecret): string {
    this.calls.push(`create ${name} ${JSON.stringify(labels)}`);
    this.secrets = [...this.secrets, this.#secret(name, driver, labels)];
    return `id-${name}`;
  }

  taken(name: string, driver?: string): void {
    this.secrets = [...this.secrets, this.#secret(name, driver)];
  }
}

function nothing(): void {
  // Nobody reads it.
}

async function run(
  swarm: PlayedSwarm,
  apply: boolean,
  ...names: readonly string[]
): Promise<ImportDescription> {
  const own = swarm.swarmImport();
  await own.begin({ names, apply, timeout_ms: 60_000 });
  await waitFor(() => ['done', 'failed'].includes(own.progress().phase), { what: 'the import to end' });
  return own.progress();
}

function told({ phase, secrets }: ImportDescription): readonly string[] {
  return [
    phase,
    ...secrets.map(({ name, note = '', replaced, services, state }) =>
      [name, state, replaced ? 'replaced' : '', services.map((one) => one.state).join(), note]
        .join(' ')
        .trim(),
    ),
  ];
}

test('without more, values are stored and nothing else is touched', async () => {
  const swarm = new PlayedSwarm();
  assert.deepEqual(told(await run(swarm, false)), ['done', 'db imported  unasked', 'key imported']);
  assert.deepEqual(swarm.calls, ['remove all of n1', 'start sha256:n1', 'remove all of n1']);
  assert.deepEqual(
    swarm.store
      .list()
      .map(({ name, origin }) => `${name} ${origin}`)
      .toSorted(),
    ['db control', 'key control'],
  );
});

test('when it is asked for, services get the successors, and the swarm forgets what nobody uses any more', async () => {
  const swarm = new PlayedSwarm();
  const description = await run(swarm, true);
  assert.deepEqual(told(description), ['done', 'db imported replaced updated', 'key imported replaced']);
  assert.deepEqual(swarm.calls.slice(3), [
    'create db-coffer {"coffer.name":"db"}',
    'create key-coffer {"coffer.name":"key"}',
    'force id-db>db-coffer id-key>key-coffer',
    'remove id-db',
    'remove id-key',
  ]);
  assert.deepEqual(told(await run(swarm, true)), ['done'], 'a second import has nothing to do');
});

test('a successor that an earlier import has made is taken, and a name that is another’s is not', async () => {
  const swarm = new PlayedSwarm();
  swarm.taken('db-coffer', 'vault');
  assert.deepEqual(told(await run(swarm, true)), [
    'done',
    'db failed  unasked the swarm has another secret with the name db-coffer',
    'key imported replaced',
  ]);
});

test('a task that does not run ends the import, and leaves nothing behind', async () => {
  const swarm = new PlayedSwarm();
  swarm.state = { state: 'failed', problem: 'no space', containerId: undefined };
  const { phase, problem } = await run(swarm, true);
  assert.deepEqual([phase, problem?.code], ['failed', 'import.refused']);
  assert.match(problem?.message ?? '', /no space/);
  assert.equal(swarm.calls.at(-1), 'remove all of n1');
  assert.deepEqual(swarm.store.list(), []);
});

test('one goes on at a time, and another can begin when it has ended', async () => {
  const swarm = new PlayedSwarm();
  let open = (): void => undefined;
  swarm.gate = new Promise((resolve) => {
    open = resolve;
  });
  const own = swarm.swarmImport();
  const wish = { names: [], apply: false, timeout_ms: 60_000 };
  assert.equal((await own.begin(wish)).phase, 'reading');
  await assert.rejects(
    own.begin(wish),
    (error) => error instanceof CofferError && error.code === 'import.busy',
  );
  open();
  await waitFor(() => own.progress().phase === 'done', { what: 'the import to end' });
  await own.begin(wish);
  await waitFor(() => own.progress().phase === 'done', { what: 'the other to end' });
  assert.deepEqual(told(own.progress()), ['done', 'db there  unasked', 'key there']);
});

const REFUSED: readonly (readonly [what: string, info: Partial<EngineInfo>, says: RegExp])[] = [
  ['in no swarm', { swarmState: 'inactive', controlAvailable: false }, /in no swarm/],
  ['a worker', { controlAvailable: false }, /does not manage its swarm/],
];

for (const [what, info, says] of REFUSED) {
  test(`an engine that is ${what} is told of at once, of a plan too`, async () => {
    const swarm = new PlayedSwarm();
    swarm.info = { ...INFO, ...info };
    const own = swarm.swarmImport();
    const isSaid = (error: unknown): boolean => error instanceof CofferError && says.test(error.detail);
    await assert.rejects(own.plan([]), isSaid);
    await assert.rejects(own.begin({ names: [], apply: true, timeout_ms: 1 }), isSaid);
    assert.equal(own.progress().phase, 'idle');
    assert.deepEqual(swarm.calls, []);
  });
}
