// SPDX-License-Identifier: Apache-2.0
// Secrets on their way to containers while what carries them fails: leaders, agents, the network, engines and clocks. Nothing is
// lost, nothing is left behind, and nothing stale is kept past its time.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test, type TestContext } from 'node:test';
import { nodeIdOf } from '../support/cluster-calls.ts';
import {
  DistributionCluster,
  type StartedContainer,
  type TestNode,
} from '../support/distribution-cluster.ts';
import type { PlayedService } from '../support/played-swarm.ts';
import { waitFor } from '../support/wait-for.ts';

/** Generous: five daemons share two processors with other tests. */
const ARRIVES_MS = 20_000;

describe('secrets for containers on five nodes', () => {
  let all: DistributionCluster;
  let containers: StartedContainer[] = [];
  let services = 0;
  let versions = 0;
  before(async () => {
    all = await DistributionCluster.start({ managers: 3, workers: 2 });
  });
  afterEach(async () => {
    all.swarm.hosts.forEach((host) => host.goOn());
    await all.network.heal();
    for (const node of all.nodes) {
      node.time.moveTo(0);
      if (!node.daemon.running) {
        await all.restart(node);
      }
    }
    await Promise.all(containers.map((container) => container.stop()));
    containers = [];
    for (const node of all.nodes) {
      await waitFor(() => all.mounts(node).length === 0, {
        what: `nothing to be mounted on ${node.host.name}`,
      });
    }
    await all.cluster.whole(all.managers.map(({ daemon }) => daemon));
  });
  after(async () => all?.destroy());

  async function start(service: PlayedService, node: TestNode): Promise<StartedContainer> {
    const started = await all.startTask(service, node);
    containers.push(started);
    return started;
  }

  /** A secret of its own for a service of its own, whose tasks run on these nodes. */
  async function deploy(...nodes: readonly TestNode[]): Promise<Deployed> {
    services += 1;
    const name = `secret-${services}`;
    await all.put(name, 'first');
    const service = all.swarm.service(`service-${services}`, { source: name });
    const started = await Promise.all(nodes.map((node) => start(service, node)));
    await Promise.all(started.map((container) => container.reads('first', ARRIVES_MS)));
    return { name, containers: started };
  }

  interface Deployed {
    readonly name: string;
    readonly containers: readonly StartedContainer[];
  }

  /** A new version, which arrives in every container; milliseconds from the answer to the last of them. */
  async function rotate(
    { containers: started, name }: Deployed,
    except: readonly StartedContainer[] = [],
  ): Promise<string> {
    versions += 1;
    const value = `version ${versions}`;
    await all.put(name, value);
    await Promise.all(
      started
        .filter((container) => !except.includes(container))
        .map((container) => container.reads(value, ARRIVES_MS)),
    );
    return value;
  }

  /** Does the work, during which every container finds its file, whole, whenever it looks. */
  async function withoutGap({ containers: started }: Deployed, work: () => Promise<unknown>): Promise<void> {
    const gaps: string[] = [];
    let looks = 0;
    const timer = setInterval(() => {
      for (const container of started) {
        const content = container.read();
        looks += 1;
        if (content === undefined || !/^(first|version \d+)$/.test(content)) {
          gaps.push(`${container.node.host.name}: ${JSON.stringify(content)}`);
        }
      }
    }, 10);
    try {
      await work();
    } finally {
      clearInterval(timer);
    }
    assert.ok(looks > 0);
    assert.deepEqual(gaps, []);
  }

  /** Resolves when the node's agent has turned to that manager. */
  async function connectsTo(worker: TestNode, manager: TestNode): Promise<void> {
    const id = await nodeIdOf(manager.daemon);
    await waitFor(async () => (await worker.daemon.status()).agent?.manager === id, {
      what: `${worker.host.name} to turn to ${manager.host.name}`,
      timeout_ms: ARRIVES_MS,
    });
  }

  async function killLeader(): Promise<TestNode> {
    const leader = await all.leader();
    await leader.daemon.kill9();
    return leader;
  }

  test('a new version reaches all of them, and one that stops leaves nothing', async (t: TestContext) => {
    const deployed = await deploy(...all.nodes);
    const since_ms = performance.now();
    await withoutGap(deployed, () => rotate(deployed));
    t.diagnostic(
      `put, and seen in ${deployed.containers.length} containers, in ${Math.round(performance.now() - since_ms)} ms`,
    );
    const [first, ...others] = deployed.containers;
    assert.ok(first?.task !== undefined);
    all.swarm.end(first.task);
    await first.reads(undefined, ARRIVES_MS);
    assert.deepEqual(first.files(), []);
    assert.ok(others.every((container) => container.read() !== undefined));
  });

  test('the leader is killed: the sessions move to the next one, nothing is wiped, and a rotation arrives', async () => {
    const deployed = await deploy(...all.workers);
    await withoutGap(deployed, async () => {
      const killed = await killLeader();
      await rotate(deployed);
      await all.restart(killed);
      await rotate(deployed);
    });
  });

  test('all managers are stopped: containers keep what they have, and hear of what changed when these are back', async () => {
    const deployed = await deploy(...all.workers);
    await withoutGap(deployed, async () => {
      await Promise.all(all.managers.map(({ daemon }) => daemon.kill9()));
      await Promise.all(all.managers.map((node) => all.restart(node)));
      await rotate(deployed);
    });
  });

  test('a node that is cut off for a moment keeps its files, and gets what it missed, also what it has to wipe', async () => {
    const [near, far] = all.workers;
    assert.ok(near !== undefined && far !== undefined);
    const kept = await deploy(near, far);
    const ended = await deploy(near, far);
    const late = kept.containers[1];
    const gone = ended.containers[1];
    assert.ok(late !== undefined && gone?.task !== undefined);
    await all.network.partition(
      [far.host],
      all.nodes.filter((node) => node !== far).map(({ host }) => host),
    );
    await rotate(kept, [late]);
    const value = await rotate(kept, [late]);
    all.swarm.end(gone.task);
    assert.equal(late.read(), 'first', 'nobody could tell it');
    await all.network.heal();
    await late.reads(value, ARRIVES_MS);
    await gone.reads(undefined, ARRIVES_MS);
  });

  test('a node that stands still for a while is not waited for, and gets the newest version when it goes on', async () => {
    const [near, slow] = all.workers;
    assert.ok(near !== undefined && slow !== undefined);
    const deployed = await deploy(near, slow);
    const late = deployed.containers[1];
    assert.ok(late !== undefined);
    slow.daemon.pause();
    let value = '';
    try {
      for (let version = 0; version < 5; version += 1) {
        value = await rotate(deployed, [late]);
      }
    } finally {
      slow.daemon.resume();
    }
    await late.reads(value, ARRIVES_MS);
  });

  test('the daemon of a node is killed: its containers go on reading, and the next one takes them up', async () => {
    const [node] = all.workers;
    assert.ok(node !== undefined);
    const deployed = await deploy(node);
    const ended = await deploy(node);
    const [gone] = ended.containers;
    assert.ok(gone?.task !== undefined);
    await withoutGap(deployed, async () => {
      await node.daemon.kill9();
      all.swarm.end(gone?.task ?? assert.fail());
      await all.restart(node);
      await rotate(deployed);
    });
    await gone.reads(undefined, ARRIVES_MS);
  });

  test('the engine of a node is silent when its daemon starts again: the node keeps what it has', async () => {
    const [node, other] = all.workers;
    assert.ok(node !== undefined && other !== undefined);
    const deployed = await deploy(node, other);
    const [first] = deployed.containers;
    assert.ok(first !== undefined);
    await withoutGap(deployed, async () => {
      await node.daemon.kill9();
      node.played.hangs = true;
      await all.restart(node);
      await waitFor(async () => (await node.daemon.status()).agent?.connectedAt_ms !== undefined, {
        what: 'its agent to be connected',
        timeout_ms: ARRIVES_MS,
      });
      // By then it has said hello.
      await waitFor(() => node.played.unanswered > 1, { what: 'its engine to be asked again' });
      const value = await rotate(deployed, [first]);
      node.played.goOn();
      await first.reads(value, ARRIVES_MS);
    });
  });

  for (const days of [30, -30]) {
    test(`clocks that jump ${Math.abs(days)} days ${days < 0 ? 'back' : 'ahead'} wipe nothing and hold nothing up`, async () => {
      const [node] = all.workers;
      assert.ok(node !== undefined);
      const deployed = await deploy(...all.workers);
      await withoutGap(deployed, async () => {
        await all.moveClock(node, days);
        await rotate(deployed);
        const leader = await all.leader();
        await all.moveClock(leader, days);
        await rotate(deployed);
        await all.moveClock(node, 0);
        await all.moveClock(leader, 0);
        await rotate(deployed);
      });
    });
  }

  describe('the engine of a new leader does not answer', () => {
    test('nodes keep what they have, and are told what has changed once it does', async () => {
      const kept = await deploy(...all.workers);
      const ended = await deploy(...all.workers);
      const [gone] = ended.containers;
      assert.ok(gone?.task !== undefined);
      const leader = await all.leader();
      const others = all.managers.filter((node) => node !== leader);
      others.forEach(({ played }) => {
        played.hangs = true;
      });
      await withoutGap(kept, async () => {
        await leader.daemon.kill9();
        const next = await all.leader();
        assert.notEqual(next, leader);
        all.swarm.end(gone?.task ?? assert.fail());
        await waitFor(() => next.played.unanswered > 0, { what: 'the leader to ask its engine' });
        await Promise.all(all.workers.map((worker) => connectsTo(worker, next)));
        assert.ok(ended.containers.every((container) => container.read() !== undefined));
        others.forEach(({ played }) => played.goOn());
        await gone?.reads(undefined, ARRIVES_MS);
        await rotate(kept);
      });
      const rest = ended.containers.slice(1);
      assert.ok(
        rest.every((container) => container.read() !== undefined),
        'and nobody else has lost anything',
      );
    });
  });

  test('a container that starts while the leader changes has its secret, or an error that says why', async () => {
    const [node] = all.workers;
    assert.ok(node !== undefined);
    const { name } = await deploy(node);
    const service = [...all.swarm.services.values()].find(({ mounts }) => mounts[0]?.source === name);
    assert.ok(service !== undefined);
    const killed = await killLeader();
    const started = await start(service, node);
    assert.equal(started.read(), 'first');
    await all.restart(killed);
  });
});
