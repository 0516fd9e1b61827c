// SPDX-License-Identifier: Apache-2.0
import type { ClusterView } from './cluster-index.ts';
import type { PolicyNode } from './policy-verdict.ts';

/** What the engine's swarm says of a node. */
export interface SwarmNode {
  readonly hostname: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * What a policy goes by for tasks on a node of the engine's swarm, which need not be one of the cluster; `known` is what the swarm says of
 * it, undefined where that is not known at the moment. Undefined for a task of no node.
 */
export function policyNodeOf(
  cluster: Pick<ClusterView, 'nodeByEngine'>,
  engineNodeId: string,
  known: SwarmNode | undefined,
): PolicyNode | undefined {
  if (engineNodeId === '') {
    return undefined;
  }
  const member = cluster.nodeByEngine(engineNodeId);
  return {
    ids: [engineNodeId, member?.id].filter((id) => id !== undefined),
    hostnames: [known?.hostname ?? '', member?.hostname ?? ''].filter((name) => name !== ''),
    labels: known?.labels,
  };
}
