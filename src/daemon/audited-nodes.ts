// SPDX-License-Identifier: Apache-2.0
// What a node learns of the others by way of the state, whoever has asked for it where: for its own audit log. Pure.
import type { AuditEvent, AuditFields } from '../audit/index.ts';
import type { AuditHeadObject, ClusterView, NodeObject } from '../membership/index.ts';

/** As they are at one time, by their ids. */
export type KnownNodes = ReadonlyMap<
  string,
  { readonly node: NodeObject; readonly head: AuditHeadObject | undefined }
>;

export interface NodeChange {
  readonly event: AuditEvent;
  readonly fields: AuditFields;
}

export function knownNodes(cluster: Pick<ClusterView, 'nodes' | 'auditHead'>): KnownNodes {
  return new Map(cluster.nodes().map((node) => [node.id, { node, head: cluster.auditHead(node.id) }]));
}

/** What has changed in between. What was acknowledged at `selfId` is left out: it is written down where it is asked for. */
export function changesOfNodes(before: KnownNodes, now: KnownNodes, selfId: string): readonly NodeChange[] {
  const changes: NodeChange[] = [];
  for (const { head, node } of now.values()) {
    const known = before.get(node.id);
    const fields = { to: node.id, detail: `${node.role} ${node.hostname}` };
    if (known === undefined) {
      changes.push({ event: 'join', fields });
    } else if (known.node.role !== node.role) {
      changes.push({ event: 'set-role', fields });
    }
    const lost = known?.head?.lost;
    if (lost !== undefined && head !== undefined && head.lost === undefined && node.id !== selfId) {
      const detail = `record ${lost.seq} of ${node.hostname} is known to be lost`;
      changes.push({ event: 'acknowledge', fields: { to: node.id, detail } });
    }
  }
  for (const { node } of before.values()) {
    if (!now.has(node.id)) {
      changes.push({
        event: 'remove-node',
        fields: { to: node.id, detail: `${node.role} ${node.hostname}` },
      });
    }
  }
  return changes;
}
