// SPDX-License-Identifier: Apache-2.0
// Two managers, and nodes of every kind that their state knows.
import type { NodeObject } from '../../../src/membership/index.ts';
import { waitFor } from '../../support/wait-for.ts';
import { DISPATCH_PROTOCOL } from '../../../src/distribution/index.ts';
import { channelHandler, type Protocol } from '../../../src/transport/index.ts';
import { TestNode } from './cluster-harness.ts';

export interface PortCluster {
  readonly leader: TestNode;
  readonly follower: TestNode;
  /** A manager that is one. */
  readonly valid: NodeObject;
  readonly worker: NodeObject;
  readonly removed: NodeObject;
  readonly demoted: NodeObject;
  destroy(): Promise<void>;
}

/** As the daemon adds it to those of the cluster. Who may speak it is for the cluster to say. */
const dispatch: Protocol = {
  name: DISPATCH_PROTOCOL,
  policy: 'member',
  handler: channelHandler({
    message_bytes: 1_024,
    queue_bytes: 1_024,
    accept: () => ({ onMessage: () => undefined, onClose: () => undefined }),
  }),
};

export async function startPortCluster(): Promise<PortCluster> {
  const protocols = [dispatch];
  const leader = await TestNode.start({ protocols });
  const follower = await leader.joined('manager', { protocols });
  const valid = await leader.admit('manager');
  const worker = await leader.admit('worker');
  const removed = await leader.admit('worker');
  const demoted = await leader.admit('manager');
  await leader.admin.remove(removed.id, true);
  await leader.admin.setRole(demoted.id, 'worker', true);
  await waitFor(() => follower.store.cluster.node(demoted.id)?.role === 'worker', {
    what: 'the follower to know all of it',
  });
  const destroy = async (): Promise<void> => {
    await follower.destroy();
    await leader.destroy();
  };
  return { leader, follower, valid, worker, removed, demoted, destroy };
}
