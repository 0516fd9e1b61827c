// SPDX-License-Identifier: Apache-2.0
// The rules of the heads of audit logs; pure, as those of rules.ts.
import { CofferError } from '../common/index.ts';
import type { AcknowledgeAuditLoss, AuditHeadObject, AuditPlace } from './audit-head.ts';
import type { ClusterView, ObjectEffect } from './cluster-index.ts';
import { existing, put, remove } from './effects.ts';

export function putAuditHead(view: ClusterView, head: AuditHeadObject): readonly ObjectEffect[] {
  requireManager(view, head.nodeId);
  return [put({ ...head, lost: head.lost ?? view.auditHead(head.nodeId)?.lost })];
}

export function acknowledgeAuditLoss(
  view: ClusterView,
  { lost, nodeId }: AcknowledgeAuditLoss,
): readonly ObjectEffect[] {
  requireManager(view, nodeId);
  const head = view.auditHead(nodeId);
  if (head?.lost === undefined) {
    return [];
  }
  if (!isSamePlace(head.lost, lost)) {
    throw new CofferError('audit.not-lost', `record ${head.lost.seq} was lost, and not record ${lost.seq}`, {
      hint: 'See what it is: docker coffer audit verify',
    });
  }
  return [put({ ...head, lost: undefined })];
}

/** The node keeps no log that anybody would ask for. */
export function withoutAuditHead(view: ClusterView, nodeId: string): readonly ObjectEffect[] {
  const head = view.auditHead(nodeId);
  return head === undefined ? [] : [remove(head)];
}

function requireManager(view: ClusterView, nodeId: string): void {
  const node = existing(view, nodeId);
  if (node.role !== 'manager') {
    throw new CofferError('cluster.role', `node ${node.hostname} is no manager`);
  }
}

function isSamePlace(a: AuditPlace, b: AuditPlace): boolean {
  return a.chain === b.chain && a.seq === b.seq && a.hash === b.hash && a.at_ms === b.at_ms;
}
