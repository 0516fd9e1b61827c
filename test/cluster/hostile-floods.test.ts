// SPDX-License-Identifier: Apache-2.0
// Agents with genuine certificates that send as much as they can, read nothing, acknowledge nothing, or come again and again. While
// they do it an honest agent is served, and the manager's memory is bounded. See hostile-agent.test.ts for what is looked at
// after each of them.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test, type TestContext } from 'node:test';
import type { ContainerFact } from '../../src/distribution/protocol.ts';
import { newSecretId } from '../../src/secrets/index.ts';
import { FRAME } from '../../src/transport/index.ts';
import { grantTo } from '../support/cluster-calls.ts';
import { BesiegedManager, GRANTED, SECRET } from '../support/besieged-manager.ts';
import { inParallel } from '../support/secret-calls.ts';
import type { TestAgent } from '../support/test-agent.ts';
import { waitFor } from '../support/wait-for.ts';
import { container } from './hostile-answers.ts';

const MIB = 1024 * 1024;
const REGISTRATIONS = 80;
/** More than a node may register in the time that the flood takes, and far fewer than it tries. */
const REGISTERED_MAX = 40;
const MESSAGES = 20_000;
const BIG_VALUES = 40;
const BIG_VALUE_BYTES = 500_000;
const SLOW_READERS = 8;
/** Of a node that has its containers held against all of them again and again. */
const GRANTS = 40;
const SILENT_NODES = 30;
/** Connections of one node that stay open. */
const CONNECTIONS_MAX = 2;
/** Connections that are made at a time: fewer than strangers may have. */
const WIDTH = 10;

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, number) => number);
}

describe('a manager under floods', () => {
  let besieged: BesiegedManager;
  let pid: number;
  before(async () => {
    besieged = await BesiegedManager.start();
    pid = besieged.manager.pid;
  });
  afterEach(async () => besieged.assertUnharmed(pid));
  after(async () => besieged?.destroy());

  /** Floods the manager, and serves the honest node meanwhile. */
  async function flood(t: TestContext, work: () => Promise<unknown>): Promise<void> {
    const growth_bytes = await besieged.bounded(async () => {
      const flooding = work();
      const served_ms = await besieged.serveHonest();
      await flooding;
      t.diagnostic(`meanwhile a new version reached the honest node in ${Math.round(served_ms)} ms`);
    });
    t.diagnostic(`the manager grew by ${(growth_bytes / MIB).toFixed(1)} MiB`);
  }

  /** As many containers as a node can tell of in one message, and half the labels. */
  function muchToTell(): readonly ContainerFact[] {
    const labels = Object.fromEntries(
      Array.from({ length: 8 }, (_, place) => [`label-${place}`, 'x'.repeat(80)]),
    );
    return Array.from({ length: 900 }, (_, number) =>
      container({ ...GRANTED, id: number.toString(16).padStart(64, '0'), labels }),
    );
  }

  test('of registrations of one node', async (t) => {
    const node = await besieged.node();
    const outcomes = new Map<string, number>();
    await flood(t, async () => {
      await inParallel(numbers(REGISTRATIONS), WIDTH, async () => {
        const agent = await besieged.agent(node, { keeps: false });
        agent.register();
        await agent.until(() => agent.isComplete || agent.isOver, 'an answer').catch(() => undefined);
        const outcome = agent.isComplete ? 'registered' : (agent.refusal?.split(':')[0] ?? 'closed');
        outcomes.set(outcome, 1 + (outcomes.get(outcome) ?? 0));
        agent.close();
      });
    });
    t.diagnostic(JSON.stringify(Object.fromEntries(outcomes)));
    assert.ok((outcomes.get('registered') ?? 0) <= REGISTERED_MAX);
    assert.ok((outcomes.get('cluster.rate-limited') ?? 0) > 0);
  });

  for (const [what, send] of [
    ['heartbeats', (agent: TestAgent) => agent.heartbeat()],
    ['reports', (agent: TestAgent, number: number) => agent.report([container({ name: `web-${number}` })])],
    ['pings', (agent: TestAgent) => void agent.sendFrame(FRAME.ping)],
    ['pongs', (agent: TestAgent) => void agent.sendFrame(FRAME.pong)],
  ] as const) {
    test(`of ${what}`, async (t) => {
      const agents = await Promise.all([1, 2, 3].map(() => besieged.registered()));
      await flood(t, async () => {
        await Promise.all(
          agents.map(async (agent) => {
            for (let number = 0; number < MESSAGES && !agent.isOver; number += 1) {
              send(agent, number);
              if (number % 500 === 0) {
                // Lets the others send too, and what comes be seen.
                await new Promise((resolve) => setImmediate(resolve));
              }
            }
          }),
        );
      });
      t.diagnostic(`${agents.filter(({ isOver }) => isOver).length} of ${agents.length} were cut off`);
    });
  }

  test('of reports that are as large as they can be, from several nodes', async (t) => {
    const containers = muchToTell();
    t.diagnostic(`${JSON.stringify(containers).length} bytes each`);
    const granted = await besieged.node();
    for (const number of numbers(GRANTS)) {
      await grantTo(besieged.manager, {
        secret: `of-grant-${number}`,
        node: granted.id,
        container: `*a*${number}*`,
      });
    }
    const agents = await Promise.all([
      besieged.registered(containers, granted),
      ...numbers(5).map(() => besieged.registered(containers)),
    ]);
    await flood(t, async () => {
      for (let round = 0; round < 10; round += 1) {
        const name = `${'a'.repeat(200)}${round}`;
        agents.forEach((agent) => agent.report(containers.map((one) => ({ ...one, labels: {}, name }))));
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    agents.forEach((agent) => assert.deepEqual([...agent.secrets.keys()], []));
  });

  test('of connections of one node, and of connections that never say a word', async (t) => {
    const node = await besieged.node();
    await flood(t, async () => {
      const agents: TestAgent[] = [];
      await inParallel(numbers(60), WIDTH, async () => {
        agents.push(await besieged.agent(node));
      });
      await waitFor(() => agents.filter(({ isOver }) => !isOver).length <= CONNECTIONS_MAX, {
        what: 'all but the newest connections to be cut',
      });
    });
    const silent: TestAgent[] = [];
    await inParallel(numbers(SILENT_NODES), WIDTH, async () => void silent.push(await besieged.agent()));
    await Promise.all(silent.map((agent) => agent.over()));
    silent.forEach(({ refusal }) => assert.match(refusal ?? '', /^transport\.timeout: .*has not registered/));
  });

  test('of what is due to nodes that read nothing, and to one that acknowledges nothing', async (t) => {
    const names = Array.from({ length: BIG_VALUES }, (_, number) => `big-${number}`);
    for (const name of names) {
      await besieged.manager.put(
        name,
        besieged.random.bytes(64).toString('hex').padEnd(BIG_VALUE_BYTES, '.'),
      );
    }
    const big = besieged.swarm.service('big', ...names.map((source) => ({ source })));
    const small = besieged.swarm.service('small', { source: 'big-0' });
    const engines = Array.from({ length: SLOW_READERS }, () => newSecretId());
    engines.forEach((nodeId) => besieged.swarm.assign(big, { nodeId }));
    const [mute, reads] = [newSecretId(), newSecretId()];
    besieged.swarm.assign(small, { nodeId: mute });
    besieged.swarm.assign(big, { nodeId: reads });
    const silent = await besieged.agent(await besieged.node(mute), { acknowledges: false });
    silent.register();
    await silent.complete();
    await flood(t, async () => {
      const slow = await Promise.all(
        engines.map(async (engine) => {
          const agent = await besieged.agent(await besieged.node(engine), { keeps: false });
          agent.register();
          agent.socket.pause();
          return agent;
        }),
      );
      for (let version = 0; version < 5; version += 1) {
        await besieged.manager.put('big-0', besieged.random.bytes(64).toString('hex'));
      }
      await besieged.serveHonest();
      slow.forEach((agent) => agent.socket.resume());
      await Promise.all(
        slow.map((agent) => agent.until(() => agent.isOver || agent.secrets.size === BIG_VALUES, 'an end')),
      );
    });
    const honest = await besieged.registered([], await besieged.node(reads), { keeps: false });
    assert.equal(honest.secrets.size, BIG_VALUES, 'who reads gets all of it');
    assert.equal(silent.sequence, 1, 'nothing more is sent before the first one is acknowledged');
    assert.match(await silent.over(45_000), /^transport\.timeout: .*acknowledged nothing/);
    assert.ok(besieged.honest.secrets.has(SECRET.granted));
  });
});
