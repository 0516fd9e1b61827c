// SPDX-License-Identifier: Apache-2.0
// A cluster of a manager and two workers in a store, with the real rules of grants and policies; all else of it is told by a fake.
import { LocalGrants } from '../../src/cluster/grant-admin.ts';
import { LocalPolicies } from '../../src/cluster/policy-admin.ts';
import { aNode, anAuthority, aToken } from './cluster-objects.ts';
import { CLUSTER_NOW_MS, FakeCluster } from './fake-cluster.ts';
import type { MemoryStore } from './memory-store.ts';

/** Its nodes are `first`, `web-1` and `web-2`; their ids begin with `id-`. */
export async function grantingCluster(store: MemoryStore): Promise<FakeCluster> {
  const first = aNode('first', 'manager', 1);
  await store.propose({ kind: 'establish-cluster', authority: anAuthority(), node: first });
  await store.propose({ kind: 'put-token', token: aToken('token'), revokeOthers: false });
  for (const name of ['web-1', 'web-2']) {
    await store.propose({ kind: 'admit-node', tokenId: 'token', node: aNode(name), at_ms: 1 });
  }
  const cluster = new FakeCluster();
  cluster.grants = new LocalGrants({ store, now_ms: () => CLUSTER_NOW_MS });
  cluster.policies = new LocalPolicies({ store, now_ms: () => CLUSTER_NOW_MS });
  return cluster;
}
