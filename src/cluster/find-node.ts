// SPDX-License-Identifier: Apache-2.0
// Which node an administrator means.
import { CofferError } from '../common/index.ts';
import type { ClusterView, NodeObject } from '../membership/index.ts';

/**
 * By id, by hostname if only one node has it, or by the beginning of an id that no other has. Throws
 * `cluster.node-not-found`, and `request.invalid` if several match.
 */
export function findNode(cluster: ClusterView, reference: string): NodeObject {
  const exact = cluster.node(reference);
  if (exact !== undefined) {
    return exact;
  }
  const nodes = cluster.nodes();
  const named = nodes.filter(({ hostname }) => hostname === reference);
  const found =
    named.length > 0 ? named : nodes.filter(({ id }) => reference !== '' && id.startsWith(reference));
  const [node, ...others] = found;
  if (node === undefined) {
    throw new CofferError('cluster.node-not-found', `there is no node ${reference} in the cluster`, {
      hint: 'docker coffer node ls shows the nodes.',
    });
  }
  if (others.length > 0) {
    throw new CofferError('request.invalid', `${reference} is ambiguous: ${found.length} nodes match`, {
      hint: 'Use the id.',
    });
  }
  return node;
}
