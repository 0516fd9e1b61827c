// SPDX-License-Identifier: Apache-2.0
// What all rules have in common.
import { CofferError } from '../common/index.ts';
import type { ClusterView, ObjectEffect } from './cluster-index.ts';
import type { ClusterObject, NodeObject } from './model.ts';

export function put(object: ClusterObject): ObjectEffect {
  return { kind: 'put-object', object };
}

export function remove(object: ClusterObject): ObjectEffect {
  return { kind: 'delete-object', object };
}

/** Throws `cluster.node-removed` or `cluster.node-not-found` for a node that is not in the cluster. */
export function existing(view: ClusterView, nodeId: string): NodeObject {
  const node = view.node(nodeId);
  if (node !== undefined) {
    return node;
  }
  throw view.revocation(nodeId) === undefined
    ? new CofferError('cluster.node-not-found', `there is no node ${nodeId} in the cluster`)
    : new CofferError('cluster.node-removed', `node ${nodeId} was removed from the cluster`);
}
