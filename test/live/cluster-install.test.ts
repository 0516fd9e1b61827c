// SPDX-License-Identifier: Apache-2.0
// What an administrator types to have coffer on all managers of a swarm: one docker plugin install on each, and a token.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { temporaryDirectory, type TemporaryDirectory } from '../support/cleanup.ts';
import { CofferSwarm } from '../support/coffer-swarm.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { linesOf } from '../support/installation.ts';
import { ManagedPlugin } from '../support/managed-plugin.ts';
import { Network } from '../support/network.ts';
import { PageTypist } from '../support/page-typist.ts';
import { builtFile } from '../support/project.ts';
import { startRegistry } from '../support/registry.ts';
import { serviceCreate, serviceId, tasksOf } from '../support/service.ts';
import { Member } from '../support/swarm-member.ts';
import { startSwarm } from '../support/swarm.ts';
import { waitFor } from '../support/wait-for.ts';

const push_ms_max = 180_000;
const join_ms_max = 30_000;
const dockerdArguments = ['--insecure-registry=10.77.0.0/24'];

describe('coffer, installed from a registry on each manager of a swarm', () => {
  let network: Network;
  let engines: readonly Engine[] = [];
  const others: Engine[] = [];
  let plugin: string;
  let desk: TemporaryDirectory;
  const members: Member[] = [];

  const install = async (engine: Engine, ...settings: readonly string[]): Promise<Member> => {
    const grant = ['--grant-all-permissions', '--alias', 'coffer', plugin];
    const words = ['plugin', 'install', ...grant, `engine.source=${engine.socket}`, ...settings];
    await engine.docker(words, { timeout_ms: push_ms_max });
    return new Member(engine, await ManagedPlugin.find(engine));
  };
  /** A further engine on the network, in no swarm yet. */
  const another = async (name: string): Promise<Engine> => {
    const engine = await startEngine({ name, network, dockerdArguments });
    others.push(engine);
    await engine.importBusybox();
    return engine;
  };
  const founder = (): Member => members[0] ?? assert.fail('coffer is on the first engine');
  const swarm = (): CofferSwarm => CofferSwarm.of(network, members);
  /** What doctor says of this, on each line `level name: message`. */
  const checkOf = async (member: Member, name: string): Promise<string> => {
    const { stdout } = await member.tryCli(['doctor']);
    return stdout.split('\n').find((line) => line.includes(` ${name}: `)) ?? stdout;
  };

  before(async () => {
    desk = temporaryDirectory();
    network = await Network.create();
    engines = await startSwarm(network, 3, { dockerdArguments });
    const [first = assert.fail('three engines')] = engines;
    await Promise.all(engines.map((engine) => engine.importBusybox()));
    plugin = `${(await startRegistry(first, { onNetwork: true })).address}/coffer`;
  });
  after(async () => {
    await Promise.all([...engines, ...others].map((engine) => engine.stop()));
    await network?.destroy();
    desk?.remove();
  });

  /** Somebody at a manager of the swarm. */
  const typistAt = (engine: Engine): PageTypist => {
    const directory = path.join(desk.path, engine.box.name);
    mkdirSync(directory);
    return new PageTypist({
      test: 'test/live/cluster-install.test.ts',
      directory,
      get controlSocket() {
        return members.find((member) => member.engine === engine)?.daemon.controlSocket ?? '';
      },
      dockerSocket: engine.socket,
    });
  };
  /** Those on which coffer was installed since become members once they serve. */
  const takeUp = async (): Promise<void> => {
    for (const engine of engines.slice(members.length)) {
      const { stdout } = await engine.docker(['plugin', 'ls', '--format', '{{.Name}}']);
      if (!linesOf(stdout).includes('coffer:latest')) {
        return;
      }
      const member = new Member(engine, await ManagedPlugin.find(engine));
      await member.serving();
      members.push(member);
    }
  };
  const foundedAlone = async (): Promise<void> => {
    await takeUp();
    assert.match(await checkOf(founder(), 'swarm managers'), /^warning .*engine-2, engine-3 have no coffer/);
    assert.match(await checkOf(founder(), 'quorum'), /^ok .*engine-1 leads a cluster of 1 manager/);
  };
  const joined = async (): Promise<void> => {
    await takeUp();
    for (let leader = await swarm().leader(); leader !== founder(); leader = await swarm().leader()) {
      // It hands over; the page tells of the first one as the leader.
      await leader.restart();
      await leader.serving();
    }
    for (const member of members) {
      assert.match(await checkOf(member, 'quorum'), /^ok .*leads a cluster of 3 managers/);
      assert.match(await checkOf(member, 'swarm managers'), /^ok .*beside 3 managers of the swarm/);
    }
  };
  const missed = async (): Promise<void> => {
    await waitFor(async () => /^warning .*not heard from/.test(await checkOf(founder(), 'nodes')), {
      what: 'the disabled one to be missed',
    });
  };

  test('as README.md says: it is put there once, founds a cluster, the others join by the token alone, and one that is disabled is missed', async () => {
    const [first = assert.fail('three engines')] = engines;
    const machines = Object.fromEntries(engines.map((engine) => [engine.box.name, typistAt(engine)]));
    const typist = machines[first.box.name] ?? assert.fail('somebody is there');
    const install = 'docker plugin install --alias coffer REGISTRY/coffer';
    const token = path.join(desk.path, 'token');
    await typist.typePage('README.md', {
      section: 'As a managed plugin',
      machines,
      answers: { [install]: 'y\n' },
      words: {
        'build/plugin': builtFile('build/plugin', 'make plugin'),
        // Here the engine's socket is not where the plugin looks for it.
        [install]: `${install} engine.source=\${DOCKER_HOST#unix://}`,
        'docker coffer join-token manager': `docker coffer join-token manager | tee ${token}`,
        'coffer-1-m-57jmewon...': `$(grep -o 'coffer-1-m-[0-9a-z-]*' ${token} | head -n 1)`,
      },
      names: { 'REGISTRY/coffer': plugin },
      before: {
        [install]: takeUp,
        'docker coffer join-token manager': foundedAlone,
        'docker coffer node ls': joined,
        'docker coffer doctor': missed,
      },
    });
    const [, away = founder()] = members;
    await away.engine.docker(['plugin', 'enable', 'coffer']);
    await away.serving();
    await swarm().agreed();
    assert.doesNotMatch(await checkOf(founder(), 'nodes'), /not heard from/);
  });

  test('a secret that one is given reaches tasks on all', async () => {
    const [, second = founder()] = members;
    await second.docker(['secret', 'create', 'shared', '-'], { input: 'the value' });
    await second.docker(serviceCreate('reads', ['--mode', 'global', '--secret', 'shared']));
    for (const task of await swarm().tasks('reads', members.length)) {
      assert.equal(await task.secret('shared'), 'the value');
    }
  });

  test('a worker of the swarm gives tasks their secrets without coffer', async () => {
    const engine = await another('worker');
    await engine.swarmJoin(founder().engine, 'worker');
    const id = await serviceId(founder().engine, 'reads');
    const [task] = await waitFor(
      async () => {
        const tasks = await tasksOf(engine, id);
        return tasks.length > 0 ? tasks : undefined;
      },
      { what: 'a task on the worker', timeout_ms: join_ms_max },
    );
    assert.equal(await task?.secret('shared'), 'the value');
  });

  test('one that is installed before its engine is in the swarm says so, and joins by itself once it is', async () => {
    const { stdout: token } = await founder().cli(['join-token', 'worker', '--quiet']);
    const engine = await another('early');
    const early = await install(engine, `COFFER_JOIN_TOKEN=${token.trim()}`);
    await waitFor(
      async () => (await early.tryCli(['status'])).stdout.includes('no manager to join is known'),
      {
        what: 'the reason to be told',
      },
    );
    await engine.swarmJoin(founder().engine, 'worker');
    await waitFor(async () => (await founder().nodes()).some(({ Hostname }) => Hostname === 'early'), {
      what: 'the node to join',
      timeout_ms: join_ms_max,
    });
    assert.match(await checkOf(early, 'cluster'), /^ok .*this node is the worker/);
    assert.match(await checkOf(early, 'store'), /^ok .*this node is a worker/);
  });

  test('one with a token that was revoked says so, and joins nothing', async () => {
    const { stdout: token } = await founder().cli(['join-token', 'manager', '--quiet']);
    const { stdout: ids } = await founder().cli(['join-token', 'ls', '--quiet']);
    await founder().cli(['join-token', 'revoke', ...linesOf(ids)]);
    const engine = await another('late');
    await engine.swarmJoin(founder().engine, 'worker');
    const late = await install(engine, `COFFER_JOIN_TOKEN=${token.trim()}`);
    await waitFor(async () => /does not know this join token/.test((await late.tryCli(['status'])).stdout), {
      what: 'the reason to be told',
    });
    assert.ok((await founder().nodes()).every(({ Hostname }) => Hostname !== 'late'));
  });

  test('the leader is demoted at the word of another, keeps nothing, and is promoted again', async () => {
    const leader = await swarm().leader();
    const [other = leader] = swarm().others(leader);
    const { stdout } = await other.cli(['node', 'demote', leader.name]);
    assert.equal(stdout, `Manager ${leader.name} demoted in the cluster.\n`);
    await waitFor(async () => (await leader.tryCli(['status'])).stdout.includes('worker'), {
      what: `${leader.name} to be a worker`,
    });
    assert.match((await leader.tryCli(['ls'])).stderr, /this node is a worker/);
    assert.match(await checkOf(leader, 'cluster'), /^ok .*this node is the worker/);
    assert.match(
      await checkOf(other, 'swarm managers'),
      new RegExp(`^warning .*${leader.name} has no coffer`),
    );
    assert.match(await checkOf(other, 'quorum'), /^warning .*2 managers vote, an even number/);
    await other.cli(['node', 'promote', leader.name]);
    await leader.serving();
    assert.equal((await swarm().agreed()).length, 1);
  });
});
