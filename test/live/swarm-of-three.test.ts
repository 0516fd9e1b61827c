// SPDX-License-Identifier: Apache-2.0
// Three engines on a network of their own form one swarm, which survives the loss of its leader.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Engine } from '../support/engine.ts';
import { Network } from '../support/network.ts';
import { leaderOf, startSwarm } from '../support/swarm.ts';
import { waitFor } from '../support/wait-for.ts';

/** An election in a swarm takes 10 to 20 ticks of a second, and may fail once. */
const election_ms_max = 60_000;

describe('three engines in one swarm', () => {
  let network: Network;
  let engines: readonly Engine[];

  before(async () => {
    network = await Network.create();
    engines = await startSwarm(network, 3);
  });
  after(async () => {
    await Promise.all((engines ?? []).map((engine) => engine.stop()));
    await network?.destroy();
  });

  test('are three managers, each by its own name and address', async () => {
    for (const engine of engines) {
      const format = '{{.Hostname}} {{.ManagerStatus}}';
      const { stdout } = await engine.docker(['node', 'ls', '--format', format]);
      const nodes = stdout.trim().split('\n').sort();
      assert.deepEqual(nodes, ['engine-1 Leader', 'engine-2 Reachable', 'engine-3 Reachable']);
    }
  });

  test('a secret that was created through one is known to all', async () => {
    await engines[1]?.docker(['secret', 'create', 'shared', '-'], { input: 'value' });
    for (const engine of engines) {
      const { stdout } = await engine.docker(['secret', 'ls', '--format', '{{.Name}}']);
      assert.equal(stdout, 'shared\n');
    }
  });

  test('when the leader is killed another one leads, and takes writes', async () => {
    const leader = await leaderOf(engines, election_ms_max);
    await leader.kill();
    const left = engines.filter((engine) => engine !== leader);
    const next = await leaderOf(left, election_ms_max);
    assert.notEqual(next, leader);
    await next.docker(['secret', 'create', 'afterwards', '-'], { input: 'value' });

    await leader.start();
    const again = await leaderOf(engines, election_ms_max);
    assert.notEqual(again, leader);
    assert.match((await leader.docker(['secret', 'ls', '--format', '{{.Name}}'])).stdout, /^afterwards$/m);
  });

  test('one that is cut off from the others cannot write, and is one of them again when the network heals', async () => {
    const leader = await leaderOf(engines, election_ms_max);
    const others = engines.filter((engine) => engine !== leader);
    const hostOf = (engine: Engine): NonNullable<Engine['host']> =>
      engine.host ?? assert.fail('on a network');
    await network.partition([hostOf(leader)], others.map(hostOf));
    const next = await leaderOf(others, election_ms_max);
    assert.notEqual(next, leader);
    const late = await leader.tryDocker(['secret', 'create', 'late', '-'], { input: 'value' });
    assert.notEqual(late.code, 0, late.stdout);
    await network.heal();
    // Which one leads from here on is for the swarm: it may elect once more, for the one that was away.
    await waitFor(
      async () => {
        const { code, stderr } = await leader.tryDocker(['secret', 'create', 'again', '-'], {
          input: 'value',
        });
        return code === 0 || stderr.includes('already exists');
      },
      { what: 'the one that was cut off to take writes', timeout_ms: election_ms_max },
    );
    const known = await next.docker(['secret', 'ls', '--format', '{{.Name}}']);
    assert.match(known.stdout, /^again$/m);
  });
});
