// SPDX-License-Identifier: Apache-2.0
// Whom this node can call.
import { type ClusterView, type NodeObject, ownEngine } from '../membership/index.ts';
import type { ManagerContact } from './identity.ts';

/** The managers as the state knows them. */
export function managerContacts(view: ClusterView): readonly ManagerContact[] {
  return view
    .nodes()
    .filter(({ raftId }) => raftId !== 0)
    .map(({ address, id, raftId }) => ({ nodeId: id, raftId, address }));
}

/** As the state knows them; as this node was told when it joined, while it has no state. */
export function knownManagers(view: ClusterView, told: readonly ManagerContact[]): readonly ManagerContact[] {
  return view.authority === undefined ? told : managerContacts(view);
}

/** Whether the state has of a node what it says of itself, as far as that counts. */
export function isDescribedAs(
  view: ClusterView,
  node: NodeObject,
  said: Pick<NodeObject, 'hostname' | 'address' | 'engineNodeId'>,
): boolean {
  return (
    node.hostname === said.hostname &&
    node.address === said.address &&
    node.engineNodeId === ownEngine(view, node.id, said.engineNodeId)
  );
}
