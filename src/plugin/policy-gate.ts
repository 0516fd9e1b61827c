// SPDX-License-Identifier: Apache-2.0
// Whether the policy lets a task have what the engine asks for. Nothing here waits: what the swarm says of nodes was read before.
import {
  type ClusterView,
  isAllowingAll,
  policyNodeOf,
  policyRefusal,
  type PolicyRequest,
  stackOf,
  type SwarmNode,
  verdict,
} from '../membership/index.ts';
import type { SecretRequest } from './secret-request.ts';

/**
 * Throws `policy.denied` unless the task may have the secret of that name in the store, whether there is one or not. True if others may be
 * denied it: then no two tasks may share it, or one that is denied would start with what the other's node holds.
 */
export function checkPolicy(
  cluster: Pick<ClusterView, 'policy' | 'nodeByEngine'>,
  secret: string,
  { nodeId, service, task }: SecretRequest,
  swarmNode: (engineNodeId: string) => SwarmNode | undefined = () => undefined,
): boolean {
  const { policy } = cluster;
  if (isAllowingAll(policy)) {
    return false;
  }
  const request: PolicyRequest = {
    secret,
    service: { name: service.name, labels: service.labels },
    stack: stackOf(service.labels),
    image: { reference: task.image, id: '' },
    node: policyNodeOf(cluster, nodeId, swarmNode(nodeId)),
  };
  const refusal = policyRefusal(verdict(policy, request), request);
  if (refusal !== undefined) {
    throw refusal;
  }
  return true;
}
