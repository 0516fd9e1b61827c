// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClusterReach, ManagerContact } from '../../../src/cluster/index.ts';
import { provisionalCredentials } from '../../../src/cluster/provisional.ts';
import { CofferError } from '../../../src/common/index.ts';
import { LeaderConnector } from '../../../src/distribution/leader-connector.ts';
import { generateKey } from '../../../src/pki/index.ts';
import { type Channel, type ChannelEvents, CredentialsSource } from '../../../src/transport/index.ts';

const contact = (nodeId: string, raftId: number): ManagerContact => ({
  nodeId,
  raftId,
  address: `${nodeId}:7373`,
});
const MANAGERS = [contact('m1', 1), contact('m2', 2), contact('m3', 3)];
const QUIET: ChannelEvents = { onMessage: () => undefined, onClose: () => undefined };
const CHANNEL: Channel = { send: () => true, drained: async () => undefined, close: () => undefined };
const CREDENTIALS = new CredentialsSource(provisionalCredentials(generateKey(), Date.now()));
const notLeader = (): CofferError => new CofferError('cluster.not-leader', 'another manager leads');

class Cluster {
  nodeId = 'w1';
  said: string | undefined;
  leads: string | undefined;
  readonly asked: string[] = [];
  readonly connector = new LeaderConnector({
    reach: () => this.#reach(),
    dial: async (_reach, { nodeId }) => {
      this.#ask(nodeId);
      return CHANNEL;
    },
    accept: (nodeId) => {
      this.#ask(nodeId);
      return QUIET;
    },
  });

  async tries(count: number): Promise<readonly string[]> {
    this.asked.length = 0;
    for (let attempt = 0; attempt < count; attempt += 1) {
      await this.connector.open(QUIET).catch(() => undefined);
    }
    return [...this.asked];
  }

  #ask(nodeId: string): void {
    this.asked.push(nodeId);
    if (nodeId !== this.leads) {
      throw notLeader();
    }
  }

  #reach(): ClusterReach {
    return {
      clusterId: 'c1',
      nodeId: this.nodeId,
      credentials: CREDENTIALS,
      managers: MANAGERS,
      leader: MANAGERS.find(({ nodeId }) => nodeId === this.said),
    };
  }
}

describe('the way to the leader', () => {
  test('goes to the manager that is said to lead, and again to it as long as it takes the node', async () => {
    const cluster = new Cluster();
    cluster.said = 'm2';
    cluster.leads = 'm2';
    assert.deepEqual(await cluster.tries(3), ['m2', 'm2', 'm2']);
  });

  test('goes to each of the others in turn when that one does not lead any more', async () => {
    const cluster = new Cluster();
    cluster.said = 'm2';
    assert.deepEqual(await cluster.tries(4), ['m2', 'm1', 'm3', 'm2']);
    cluster.leads = 'm3';
    assert.deepEqual(await cluster.tries(3), ['m1', 'm3', 'm2']);
  });

  test('begins anew as soon as another one is said to lead', async () => {
    const cluster = new Cluster();
    cluster.said = 'm1';
    assert.deepEqual(await cluster.tries(2), ['m1', 'm2']);
    cluster.said = 'm2';
    cluster.leads = 'm2';
    assert.deepEqual(await cluster.tries(1), ['m2']);
  });

  test('needs no connection where the node itself leads', async () => {
    const cluster = new Cluster();
    cluster.nodeId = 'm1';
    cluster.said = 'm1';
    cluster.leads = 'm1';
    assert.deepEqual(await cluster.tries(1), ['m1']);
    cluster.leads = 'm2';
    await assert.rejects(cluster.connector.open(QUIET), { code: 'cluster.not-leader' });
  });

  test('is told from a refusal while the node is in no cluster', async () => {
    const connector = new LeaderConnector({
      reach: () => undefined,
      dial: async () => CHANNEL,
      accept: () => QUIET,
    });
    await assert.rejects(connector.open(QUIET), { code: 'cluster.joining' });
  });
});
