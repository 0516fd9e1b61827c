// SPDX-License-Identifier: Apache-2.0
// What the policy refuses to what is on one node. Pure.
import type { CofferError } from '../common/index.ts';
import {
  isAllowingAll,
  type Policy,
  type PolicyNode,
  policyRefusal,
  type PolicyRequest,
  projectOf,
  stackOf,
  type SwarmNode,
  verdict,
} from '../membership/index.ts';
import type { DueTask } from './due-tasks.ts';
import type { PlanNode } from './plan-model.ts';
import type { ContainerFact } from './protocol.ts';

export interface NodePolicy {
  /** Why a task may not have the secret of that name; undefined if it may. */
  readonly refusalOfTask: (task: DueTask, secret: string) => CofferError | undefined;
  /** Likewise of a container that has a grant, which rules that deny take from it, and no default. */
  readonly refusalOfContainer: (container: ContainerFact, secret: string) => CofferError | undefined;
}

/** `known` is what the swarm says of the node. Undefined where the policy refuses nothing at all. */
export function nodePolicyOf(
  policy: Policy,
  { engineNodeId, hostname, id }: Pick<PlanNode, 'engineNodeId' | 'hostname' | 'id'>,
  known: SwarmNode | undefined,
): NodePolicy | undefined {
  if (isAllowingAll(policy)) {
    return undefined;
  }
  const node: PolicyNode = {
    ids: engineNodeId === '' ? [id] : [id, engineNodeId],
    hostnames: [hostname, known?.hostname ?? ''].filter((name) => name !== ''),
    labels: known?.labels,
  };
  const afterGrant: Policy = { ...policy, default: 'allow' };
  const refusalOf = (by: Policy, request: PolicyRequest): CofferError | undefined =>
    policyRefusal(verdict(by, request), request);
  return {
    refusalOfTask: ({ image, service }, secret) =>
      refusalOf(policy, {
        secret,
        service,
        stack: stackOf(service.labels),
        image: { reference: image, id: '' },
        node,
      }),
    refusalOfContainer: ({ image, imageId, labels }, secret) =>
      refusalOf(afterGrant, {
        secret,
        service: undefined,
        stack: projectOf(labels),
        image: { reference: image, id: imageId },
        node,
      }),
  };
}
