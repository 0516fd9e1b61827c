// SPDX-License-Identifier: Apache-2.0
// A manager with an honest agent and hostile ones, each with a genuine certificate. Whatever the hostile ones do, they have got
// nothing afterwards that their node was not due, the honest one is served, and the manager has not grown.
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import type { ContainerFact } from '../../src/distribution/protocol.ts';
import { authorityAt, grantTo, joinTokenFrom } from './cluster-calls.ts';
import type { JoinedNode } from './joined-node.ts';
import { describeLeaks, LeakScanner } from './leak-scanner.ts';
import { ManagerProcess } from './manager-process.ts';
import { joinFrom } from './many-nodes.ts';
import { type PlayedHost, type PlayedService, PlayedSwarm, type PlayedTask } from './played-swarm.ts';
import { memoryGrowthDuring } from './process-status.ts';
import { SeededRandom } from './seeded-random.ts';
import { TestAgent, type TestAgentOptions } from './test-agent.ts';

const MIB = 1024 * 1024;
/** What a manager may hold beyond its size at rest, whatever agents do. */
const GROWTH_BYTES_MAX = 200 * MIB;
/** Generous: the machine does other things as well. */
const PROMPT_MS = 5_000;
const VALUE_BYTES = 48;

/** Names that are long enough to be looked for, by their beginnings and their ends. */
export const SECRET = {
  /** A task of the honest node's has it. */
  ofHonestTask: 'of-an-honest-task-blue-whale',
  /** Granted to a container of the honest node. */
  granted: 'granted-to-the-honest-grey-wolf',
  /** Nobody is due it. */
  ofNobody: 'nobody-is-due-it-green-frog',
  /** A task of the hostile node's has it. */
  ofHostileTask: 'hostile-tasks-own-red-panda',
} as const;

/** What the grant of `SECRET.granted` asks of a container, on the honest node. */
export const GRANTED: Pick<ContainerFact, 'image' | 'labels' | 'name'> = {
  name: 'web-1',
  image: 'shop:1',
  labels: { tier: 'front' },
};

export class BesiegedManager {
  readonly manager: ManagerProcess;
  readonly swarm: PlayedSwarm;
  /** Of the honest node, and of one whose agent is hostile. */
  readonly hosts: { readonly honest: PlayedHost; readonly hostile: PlayedHost };
  readonly random = new SeededRandom();
  /** The honest node's service, task and containers. */
  readonly service: PlayedService;
  readonly task: PlayedTask;
  readonly containers: readonly ContainerFact[];
  /** The last value of each secret. */
  readonly values = new Map<string, Buffer>();
  readonly #roots: readonly string[];
  readonly #token: string;
  /** What a hostile agent must not have got; and what must not be in the log. */
  readonly #forbidden = new LeakScanner();
  readonly #secret = new LeakScanner();
  #honestNode: JoinedNode | undefined;
  #honest: TestAgent | undefined;
  #agents: TestAgent[] = [];
  #nodes = 0;
  #log = 0;

  private constructor(
    manager: ManagerProcess,
    swarm: PlayedSwarm,
    hosts: BesiegedManager['hosts'],
    cluster: { readonly roots: readonly string[]; readonly token: string },
  ) {
    this.manager = manager;
    this.swarm = swarm;
    this.hosts = hosts;
    this.#roots = cluster.roots;
    this.#token = cluster.token;
    this.service = swarm.service('shop', { source: SECRET.ofHonestTask });
    this.task = swarm.assign(this.service, hosts.honest);
    this.containers = [
      { ...GRANTED, id: 'a1'.repeat(32), imageId: '', taskId: '' },
      { id: 'a2'.repeat(32), name: 'shop.1', image: 'shop:1', imageId: '', labels: {}, taskId: this.task.id },
    ];
    swarm.assign(swarm.service('own', { source: SECRET.ofHostileTask }), hosts.hostile);
  }

  static async start(): Promise<BesiegedManager> {
    const swarm = new PlayedSwarm();
    let manager: ManagerProcess | undefined;
    try {
      const leader = await swarm.host('leader', true);
      const hosts = { honest: await swarm.host('honest'), hostile: await swarm.host('hostile') };
      const env = { COFFER_ENGINE_SOCKET: leader.engine.socketPath, COFFER_DRIVER: 'coffer' };
      manager = await ManagerProcess.start({ env });
      await manager.serving();
      const token = await joinTokenFrom(manager, { role: 'worker', uses: 1_000 });
      const besieged = new BesiegedManager(manager, swarm, hosts, {
        token,
        roots: await authorityAt(manager),
      });
      await besieged.#prepare();
      return besieged;
    } catch (error) {
      await manager?.destroy();
      await swarm.remove();
      throw error;
    }
  }

  async destroy(): Promise<void> {
    this.#agents.forEach((agent) => agent.close());
    this.#honest?.close();
    await this.manager.destroy();
    await this.swarm.remove();
  }

  get honest(): TestAgent {
    return this.#honest ?? assert.fail('the honest agent has registered');
  }

  get honestNode(): JoinedNode {
    return this.#honestNode ?? assert.fail('the honest node has joined');
  }

  /** A new node, with a certificate of its own: what one has done is not held against the next one. */
  async node(engineNodeId = ''): Promise<JoinedNode> {
    this.#nodes += 1;
    return joinFrom(this.#nodes, engineNodeId, {
      address: this.manager.address,
      token: this.#token,
      roots: this.#roots,
    });
  }

  /** A connection of a hostile node, by default of a new one. What it is sent is looked through. */
  async agent(node?: JoinedNode, options: Partial<TestAgentOptions> = {}): Promise<TestAgent> {
    const { credentials } = node ?? (await this.node());
    const agent = await TestAgent.connect({ address: this.manager.address, credentials, ...options });
    this.#agents.push(agent);
    return agent;
  }

  /** The same, registered, and told all that it is due. */
  async registered(
    containers: readonly ContainerFact[] = [],
    node?: JoinedNode,
    options: Partial<TestAgentOptions> = {},
  ): Promise<TestAgent> {
    const agent = await this.agent(node, options);
    agent.register(containers);
    return agent.complete();
  }

  /** A new value for the secret; resolves when it is stored. */
  async put(name: string): Promise<Buffer> {
    const value = this.random.bytes(VALUE_BYTES);
    this.#secret.add(name, value);
    if (name !== SECRET.ofHostileTask) {
      this.#forbidden.add(name, value);
    }
    await this.manager.put(name, value);
    this.values.set(name, value);
    return value;
  }

  /** How long a new version takes to the honest node, which is served as if nothing was. */
  async serveHonest(): Promise<number> {
    const value = await this.put(SECRET.ofHonestTask);
    const since_ms = performance.now();
    await this.honest.holds(SECRET.ofHonestTask, value, PROMPT_MS);
    return performance.now() - since_ms;
  }

  /** Does the work, during which the manager must not grow beyond what is bounded. */
  async bounded(work: () => Promise<unknown>): Promise<number> {
    const growth_bytes = await memoryGrowthDuring(this.manager.pid, work);
    assert.ok(growth_bytes < GROWTH_BYTES_MAX, `the manager grew by ${Math.round(growth_bytes / MIB)} MiB`);
    return growth_bytes;
  }

  /** After each attack: ends the hostile connections, and looks at what came of it. In words. */
  async assertUnharmed(pid: number): Promise<string> {
    const served_ms = await this.serveHonest();
    const granted = await this.put(SECRET.granted);
    await this.honest.holds(SECRET.granted, granted, PROMPT_MS);
    const received = this.#agents.map((agent) => agent.received);
    this.#agents.forEach((agent) => agent.close());
    this.#agents = [];
    const leaks = received.flatMap((bytes) => this.#forbidden.scan(bytes, 'what a hostile agent was sent'));
    assert.equal(leaks.length, 0, describeLeaks(leaks));
    const log = Buffer.from(this.manager.log());
    const logged = this.#secret.scan(log.subarray(this.#log), 'the log of the manager');
    this.#log = log.length;
    assert.equal(logged.length, 0, describeLeaks(logged));
    assert.equal(this.manager.pid, pid, 'the manager is the same process');
    const bytes = received.reduce((sum, { length }) => sum + length, 0);
    return `${bytes} bytes were looked through; a new version reached the honest node in ${Math.round(served_ms)} ms`;
  }

  async #prepare(): Promise<void> {
    for (const name of Object.values(SECRET)) {
      await this.put(name);
      if (name !== SECRET.ofHostileTask) {
        this.#forbidden.add(`the name ${name}`, Buffer.from(name));
      }
    }
    this.#honestNode = await this.node(this.hosts.honest.nodeId);
    await grantTo(this.manager, {
      secret: SECRET.granted,
      node: this.#honestNode.id,
      container: GRANTED.name,
      labels: GRANTED.labels,
      image: GRANTED.image,
    });
    this.#honest = await TestAgent.registered(
      { address: this.manager.address, credentials: this.#honestNode.credentials, keeps: false },
      this.containers,
    );
    for (const name of [SECRET.ofHonestTask, SECRET.granted]) {
      await this.#honest.holds(name, this.values.get(name) ?? '');
    }
  }
}
