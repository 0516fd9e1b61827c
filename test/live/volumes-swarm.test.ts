// SPDX-License-Identifier: Apache-2.0
// Services with volumes of secrets in a swarm of three managers and a worker, coffer a managed plugin on each: secrets follow
// the tasks, and leave the nodes with them.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, before, describe, test, type TestContext } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { CofferSwarm } from '../support/coffer-swarm.ts';
import { Container, TARGET } from '../support/container.ts';
import { linesOf } from '../support/installation.ts';
import { LeakScanner } from '../support/leak-scanner.ts';
import { leaksInMemory } from '../support/process-memory.ts';
import { serviceUpdate } from '../support/service.ts';
import type { Member } from '../support/swarm-member.ts';
import {
  clearServices,
  constrainedTo,
  containerOn,
  createService,
  reportedGone,
  wiped,
  type Wiped,
} from '../support/swarm-volumes.ts';
import { mountsBelow, volumeMount } from '../support/volumes.ts';
import { waitFor } from '../support/wait-for.ts';

const effect_ms_max = 30_000;
const why_ms_max = 60_000;
const CUT_OFF_AFTER_S = 4;

/** A line of `coffer ps --format json`. */
interface ShownHolder {
  readonly Version: number;
  readonly State: string;
  readonly Service: { readonly Name: string };
  readonly Node: { readonly Hostname: string };
}

/** Writes down what is in the volume when the container's first program looks, and then waits. */
const NOTES = ['sh', '-c', `cat ${TARGET}/* > /tmp/first; trap 'exit 0' TERM; sleep 1000000 & wait`];

describe('services with volumes of secrets', () => {
  let started: CofferSwarm | undefined;
  const swarm = (): CofferSwarm => started ?? assert.fail('the engines did not start');
  const manager = (): Member => swarm().members[0] ?? assert.fail('three managers');
  const worker = (): Member => swarm().workers[0] ?? assert.fail('a worker');

  const put = async (name: string, value: string): Promise<void> => {
    await manager().cli(['put', name, '-'], value);
  };
  /** A secret with a value of which no part comes about by chance, and whoever looks for it. */
  const putCanary = async (
    name: string,
  ): Promise<{ readonly value: string; readonly scanner: LeakScanner }> => {
    const [value, scanner] = [randomBytes(200).toString('hex'), new LeakScanner()];
    scanner.add(name, Buffer.from(value));
    await put(name, value);
    return { value, scanner };
  };
  const create = async (name: string, words: readonly string[], command?: readonly string[]): Promise<void> =>
    createService(manager(), name, words, command);
  const note = (t: TestContext, { files_ms, memory_ms }: Wiped): void => {
    t.diagnostic(
      `no file ${files_ms.toFixed(0)} ms, nothing in memory ${memory_ms.toFixed(0)} ms after the report`,
    );
  };
  /** Resolves when the container has no such file any more: to how long that took, in milliseconds. */
  const gone = async (container: Container, file: string): Promise<number> => {
    const startedAt = performance.now();
    await waitFor(() => !container.files().includes(file), {
      what: `${file} to be gone`,
      timeout_ms: effect_ms_max,
      interval_ms: 20,
    });
    return performance.now() - startedAt;
  };

  before(async () => {
    const settings = { COFFER_CUT_OFF_AFTER: `${CUT_OFF_AFTER_S}s` };
    started = await CofferSwarm.start('managed plugin', 3, { workers: 1, settings });
    await swarm().leader();
    await put('first', 'a value');
    // The swarm hears of a new plugin when it hears of its node, some 10 s later.
    await create('first', ['--mode', 'global', ...volumeMount('first')]);
    await Promise.all(swarm().nodes.map(async (member) => containerOn(member, 'first')));
    await clearServices(swarm());
  });
  afterEach(async () => {
    if (started !== undefined) {
      await started.network.heal();
      await clearServices(started);
    }
  });
  after(async () => started?.stop());

  test('have them on every node, managers and workers, before their programs start', async () => {
    await put('everywhere', 'the value');
    await create('global', ['--mode', 'global', ...volumeMount('everywhere')], NOTES);
    for (const member of swarm().nodes) {
      const container = await containerOn(member, 'global');
      assert.equal(container.read('everywhere'), 'the value', member.name);
      assert.equal((await container.exec(['cat', '/tmp/first'])).stdout, 'the value', member.name);
    }
    await put('everywhere', 'the next value');
    for (const member of swarm().nodes) {
      const container = await containerOn(member, 'global');
      await waitFor(() => container.read('everywhere') === 'the next value', {
        what: `it on ${member.name}`,
      });
    }
    const leader = await swarm().leader();
    const nodes = swarm().nodes.map(({ name }) => `global 2 current ${name}`);
    await waitFor(
      async () => {
        const { stdout } = await leader.cli(['ps', '--format', 'json', 'everywhere']);
        const shown = linesOf(stdout).map((line) => {
          const { Node, Service, State, Version } = JSON.parse(line) as ShownHolder;
          return `${Service.Name} ${Version} ${State} ${Node.Hostname}`;
        });
        return isDeepStrictEqual(shown.toSorted(), nodes.toSorted());
      },
      { what: 'the leader to show who has it' },
    );
  });

  test('take them along when their node is drained, and it is wiped', async (t) => {
    const [from, to] = [worker(), swarm().members[1] ?? assert.fail('three managers')];
    const availability = async (member: Member, word: string): Promise<void> => {
      await manager().engine.docker(['node', 'update', '--availability', word, member.name]);
    };
    const { value, scanner } = await putCanary('moved');
    await availability(to, 'drain');
    const mount = volumeMount('app', { secret: 'moved:file' });
    await create('moves', [...constrainedTo(swarm(), from, to), ...mount], NOTES);
    const first = await containerOn(from, 'moves');
    assert.equal(first.read('file'), value);
    assert.notDeepEqual(leaksInMemory(scanner, from.pid), [], 'it is found while it is due');

    await availability(to, 'active');
    await availability(from, 'drain');
    try {
      const second = await containerOn(to, 'moves');
      assert.equal((await second.exec(['cat', '/tmp/first'])).stdout, value);
      await reportedGone(manager(), from, 'moves');
      note(t, await wiped(from, scanner, 'app'));
      assert.equal(second.read('file'), value);
    } finally {
      await availability(from, 'active');
    }
  });

  test('have them again when a container is killed, and lose them when they are scaled down', async (t) => {
    const { value, scanner } = await putCanary('scaled');
    await create(
      'scales',
      ['--replicas', '2', ...constrainedTo(swarm(), worker()), ...volumeMount('scaled')],
      NOTES,
    );
    const first = await containerOn(worker(), 'scales');
    const second = await containerOn(worker(), 'scales', [first]);
    await worker().engine.docker(['kill', first.id]);
    const third = await containerOn(worker(), 'scales', [first, second]);
    assert.equal((await third.exec(['cat', '/tmp/first'])).stdout, value);
    assert.equal(second.read('scaled'), value);

    await manager().engine.docker(['service', 'scale', '--detach', 'scales=0']);
    await reportedGone(manager(), worker(), 'scales');
    note(t, await wiped(worker(), scanner, 'scaled'));
  });

  test('lose a secret by --secret-rm, as ever, and a volume by --mount-rm', async (t) => {
    const { value, scanner } = await putCanary('mounted');
    await manager().docker(['secret', 'create', 'my_secret_data', '-'], { input: 'This is a secret\n' });
    const target = '/run/coffer';
    const mount = volumeMount('mounted', {}, target);
    await create('redis', [...constrainedTo(swarm(), worker()), '--secret', 'my_secret_data', ...mount]);
    const both = await containerOn(worker(), 'redis');
    const listed = (await both.exec(['ls', '-l', TARGET])).stdout;
    assert.match(listed, /-r--r--r-- .* root +root +17 .*my_secret_data/);
    assert.equal(both.read('mounted', target), value);

    await manager().docker(serviceUpdate('redis', ['--secret-rm', 'my_secret_data']));
    const one = await containerOn(worker(), 'redis', [both]);
    assert.match((await one.tryExec(['ls', `${TARGET}/my_secret_data`])).stderr, /No such file/);
    assert.equal(one.read('mounted', target), value);

    await manager().docker(serviceUpdate('redis', ['--mount-rm', target]));
    const none = await containerOn(worker(), 'redis', [both, one]);
    note(t, await wiped(worker(), scanner, 'mounted'));
    assert.match((await none.tryExec(['ls', target])).stderr, /No such file/);
  });

  test('wait for a secret that is not there, and coffer says why', async () => {
    await create('waits', [...constrainedTo(swarm(), worker()), ...volumeMount('missing')], NOTES);
    await waitFor(
      async () => {
        const told = await Promise.all(
          swarm().nodes.map(async (member) => member.tryCli(['why', 'missing'])),
        );
        return told.some(({ stdout }) => stdout.includes('holds no secret missing'));
      },
      { what: 'the reason to be told', timeout_ms: why_ms_max, interval_ms: 250 },
    );
    assert.deepEqual(mountsBelow(worker().engine, worker().volumesDirectory), []);
    await put('missing', 'here it is');
    const container = await containerOn(worker(), 'waits');
    assert.equal(container.read('missing'), 'here it is');
  });

  test('do not notice that coffer’s leader is killed, and have the next version from the next one', async () => {
    await put('steady', 'first');
    await create('steady', ['--mode', 'global', ...volumeMount('steady')]);
    const containers = await Promise.all(swarm().nodes.map(async (member) => containerOn(member, 'steady')));
    const loop = `for i in $(seq 300); do [ "$(cat ${TARGET}/steady)" = first ] || exit 1; sleep 0.01; done`;
    const reading = containers.map(async (container) => container.tryExec(['sh', '-c', loop]));
    await (await swarm().leader()).crash();
    for (const { code } of await Promise.all(reading)) {
      assert.equal(code, 0, 'a program in it reads the same value all the time');
    }
    await swarm().leader();
    await put('steady', 'second');
    for (const container of containers) {
      await waitFor(() => container.read('steady') === 'second', {
        what: `the new version on ${container.engine.box.name}`,
        timeout_ms: effect_ms_max,
      });
    }
  });

  test('and containers of no service lose them on a node that is cut off for too long, and have them again when it is back', async (t) => {
    const { value } = await putCanary('cut');
    await manager().cli(['grant', 'cut', '--node', worker().name]);
    // The swarm would stop a task on a node that it misses.
    const container = await Container.start(worker().engine, 'stays', volumeMount('cut'));
    assert.equal(container.read('cut'), value);
    await swarm().network.partition(
      [worker().host],
      swarm().members.map(({ host }) => host),
    );
    const took_ms = await gone(container, 'cut');
    t.diagnostic(`wiped ${took_ms.toFixed(0)} ms after the cut`);
    assert.ok(took_ms >= CUT_OFF_AFTER_S * 1_000, 'not before its time');
    const { stdout } = await worker().tryCli(['status']);
    assert.match(stdout, /cut off/);
    assert.match(stdout, /\b0 secrets in memory/);

    await swarm().network.heal();
    await waitFor(() => container.files().includes('cut'), {
      what: 'the file to come back',
      timeout_ms: effect_ms_max,
    });
    assert.equal(container.read('cut'), value);
    await container.remove();
  });

  test('lose them on a node that is removed from the cluster', async (t) => {
    const { value } = await putCanary('kept');
    await create('removed', [...constrainedTo(swarm(), worker()), ...volumeMount('kept')]);
    const container = await containerOn(worker(), 'removed');
    assert.equal(container.read('kept'), value);
    await manager().cli(['node', 'rm', '--force', '--yes', worker().name]);
    t.diagnostic(`wiped ${(await gone(container, 'kept')).toFixed(0)} ms after the answer`);
    assert.match(worker().daemon.log(), /all secrets of this node are wiped/);
  });
});
