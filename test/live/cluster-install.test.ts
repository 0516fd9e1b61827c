// SPDX-License-Identifier: Apache-2.0
// What an administrator types to have coffer on all managers of a swarm: one docker plugin install on each, and a token.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CofferSwarm } from '../support/coffer-swarm.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { linesOf } from '../support/installation.ts';
import { createPlugin, ManagedPlugin } from '../support/managed-plugin.ts';
import { Network } from '../support/network.ts';
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
  const members: Member[] = [];

  const install = async (engine: Engine, ...settings: readonly string[]): Promise<Member> => {
    const grant = ['--grant-all-permissions', '--alias', 'coffer', plugin];
    const words = ['plugin', 'install', ...grant, `engine.source=${engine.socket}`, ...settings];
    await engine.docker(words, { timeout_ms: push_ms_max });
    return new Member(engine, await ManagedPlugin.find(engine));
  };
  const installManager = async (engine: Engine, ...settings: readonly string[]): Promise<Member> => {
    const member = await install(engine, ...settings);
    await member.serving();
    members.push(member);
    return member;
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
    network = await Network.create();
    engines = await startSwarm(network, 3, { dockerdArguments });
    const [first = assert.fail('three engines')] = engines;
    await Promise.all(engines.map((engine) => engine.importBusybox()));
    plugin = `${(await startRegistry(first, { onNetwork: true })).address}/coffer`;
    await createPlugin(first, plugin);
    await first.docker(['plugin', 'push', plugin], { timeout_ms: push_ms_max });
    await first.docker(['plugin', 'rm', plugin]);
  });
  after(async () => {
    await Promise.all([...engines, ...others].map((engine) => engine.stop()));
    await network?.destroy();
  });

  test('the first one founds the cluster, and is told which managers of the swarm have none', async () => {
    const [first = assert.fail('three engines')] = engines;
    const member = await installManager(first);
    assert.match(await checkOf(member, 'swarm managers'), /^warning .*engine-2, engine-3 have no coffer/);
    assert.match(await checkOf(member, 'quorum'), /^ok .*engine-1 leads a cluster of 1 manager/);
  });

  test('the others join by the token alone, given at their installation', async () => {
    const { stdout } = await founder().cli(['join-token', 'manager', '--quiet']);
    for (const engine of engines.slice(1)) {
      await installManager(engine, `COFFER_JOIN_TOKEN=${stdout.trim()}`);
    }
    await swarm().leader();
    for (const member of members) {
      assert.match(await checkOf(member, 'quorum'), /^ok .*leads a cluster of 3 managers/);
      assert.match(await checkOf(member, 'swarm managers'), /^ok .*beside 3 managers of the swarm/);
    }
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

  test('one that is disabled is named by doctor as not heard from, and is missed no longer when it is back', async () => {
    const leader = await swarm().leader();
    const [away = leader] = swarm().others(leader);
    await away.engine.docker(['plugin', 'disable', '--force', 'coffer']);
    await waitFor(async () => /^warning .*not heard from/.test(await checkOf(leader, 'nodes')), {
      what: `${away.name} to be missed`,
    });
    assert.match(await checkOf(leader, 'nodes'), new RegExp(away.name));
    assert.match(await checkOf(leader, 'quorum'), /1 of 3 managers cannot be reached/);
    await away.engine.docker(['plugin', 'enable', 'coffer']);
    await away.serving();
    await swarm().agreed();
    assert.doesNotMatch(await checkOf(leader, 'nodes'), /not heard from/);
  });
});
