// SPDX-License-Identifier: Apache-2.0
// Whatever happens, in whatever order: once it is calm again, each container has the newest version of what it is due, and nothing of
// what it is not; and when all have ended, nothing is left anywhere.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  DistributionCluster,
  type StartedContainer,
  type TestNode,
} from '../support/distribution-cluster.ts';
import { describeLeaks, LeakScanner } from '../support/leak-scanner.ts';
import type { PlayedService } from '../support/played-swarm.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { waitFor } from '../support/wait-for.ts';

const STEPS = 40;
/** Between two moments at which it is calm. */
const STEPS_BETWEEN = 5;
const SERVICES = 4;
const CONTAINERS_MAX = 8;
const CALM_MS = 30_000;

describe('secrets on five nodes in a storm', () => {
  let all: DistributionCluster;
  const random = new SeededRandom();
  const scanner = new LeakScanner();
  const services: PlayedService[] = [];
  /** The newest value of each secret. */
  const values = new Map<string, string>();
  let running: StartedContainer[] = [];
  /** Containers whose tasks have ended, and that have not noticed. */
  const ended = new Set<StartedContainer>();
  let versions = 0;

  before(async () => {
    all = await DistributionCluster.start({ managers: 3, workers: 2 });
    for (let number = 0; number < SERVICES; number += 1) {
      const name = `secret-${number}`;
      await put(name);
      services.push(all.swarm.service(`service-${number}`, { source: name }));
    }
  });
  after(async () => all?.destroy());

  async function put(name: string): Promise<void> {
    versions += 1;
    const value = `${random.bytes(24).toString('hex')} ${versions}`;
    scanner.add(`${name} ${versions}`, Buffer.from(value));
    await all.put(name, value);
    values.set(name, value);
  }

  async function restart(node: TestNode): Promise<void> {
    await node.daemon.kill9();
    await all.restart(node);
  }

  async function start(): Promise<void> {
    const [service, node] = [random.pick(services), random.pick(all.nodes)];
    // All containers share a volume: none gets it while one has it that is due nothing any more.
    const isShared = [...ended].some(
      (container) => container.node === node && container.volume === service.mounts[0]?.source,
    );
    if (running.length < CONTAINERS_MAX && !isShared) {
      running.push(await all.startTask(service, node));
    }
  }

  const happenings: Readonly<Record<string, () => Promise<unknown>>> = {
    'a new version': () => put(`secret-${random.below(SERVICES)}`),
    'a container starts': start,
    'another container starts': start,
    'a task ends, and its container has not noticed': async () => {
      const left = running.filter((container) => !ended.has(container));
      if (left.length > 0) {
        const container = random.pick(left);
        ended.add(container);
        all.swarm.end(container.task ?? assert.fail());
      }
    },
    'a container ends': async () => {
      if (running.length > 0) {
        const container = random.pick(running);
        running = running.filter((other) => other !== container);
        ended.delete(container);
        all.swarm.end(container.task ?? assert.fail());
        await container.stop();
      }
    },
    'the leader dies': async () => restart(await all.leader()),
    'the daemon of a worker dies': () => restart(random.pick(all.workers)),
    'a worker is cut off for a moment': async () => {
      const worker = random.pick(all.workers);
      const others = all.nodes.filter((node) => node !== worker).map(({ host }) => host);
      await all.network.partition([worker.host], others);
      await put(`secret-${random.below(SERVICES)}`);
      await all.network.heal();
    },
    'a worker stands still for a moment': async () => {
      const { daemon } = random.pick(all.workers);
      daemon.pause();
      await put(`secret-${random.below(SERVICES)}`).finally(() => daemon.resume());
    },
    'the engine of the leader hangs for a moment': async () => {
      const { played } = await all.leader();
      played.hangs = true;
      await put(`secret-${random.below(SERVICES)}`).finally(() => played.goOn());
    },
  };

  /** Every container has what it is due, and no more. */
  async function calm(): Promise<void> {
    await Promise.all(
      running.map((container) =>
        container.reads(ended.has(container) ? undefined : values.get(container.volume), CALM_MS),
      ),
    );
    running.forEach((container) => {
      assert.deepEqual(container.files(), ended.has(container) ? [] : [container.volume]);
    });
  }

  test('have what they are due whenever it is calm, and leave nothing', async (t) => {
    t.diagnostic(random.description);
    const happened: string[] = [];
    for (let step = 1; step <= STEPS; step += 1) {
      const what = random.pick(Object.keys(happenings));
      happened.push(what);
      try {
        await happenings[what]?.();
        if (step % STEPS_BETWEEN === 0) {
          await calm();
        }
      } catch (error) {
        throw new Error(`after: ${happened.join('; ')}`, { cause: error });
      }
    }
    t.diagnostic(`${versions} versions, ${running.length} containers in the end`);
    await Promise.all(running.map((container) => container.stop()));
    for (const node of all.nodes) {
      await waitFor(() => all.mounts(node).length === 0, { what: `nothing on ${node.host.name}` });
    }
    const places = all.nodes.flatMap(({ daemon, volumes }) => [path.dirname(daemon.stateDirectory), volumes]);
    const leaks = places.flatMap((place) => scanner.scanTree(place));
    assert.equal(leaks.length, 0, describeLeaks(leaks));
    t.diagnostic(`${scanner.scanned_bytes} bytes on disks were looked through`);
  });
});
