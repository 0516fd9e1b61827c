// SPDX-License-Identifier: Apache-2.0
// The rules of the heads of audit logs; pure, as those of rules.ts.
import { CofferError } from '../common/index.ts';
import type { AuditHeadObject } from './audit-head.ts';
import type { ClusterView, ObjectEffect } from './cluster-index.ts';
import { existing, put, remove } from './effects.ts';

export function putAuditHead(view: ClusterView, head: AuditHeadObject): readonly ObjectEffect[] {
  const node = existing(view, head.nodeId);
  if (node.role !== 'manager') {
    throw new CofferError('cluster.role', `node ${node.hostname} is no manager`);
  }
  return [put({ ...head, lost: head.lost ?? view.auditHead(head.nodeId)?.lost })];
}

/** The node keeps no log that anybody would ask for. */
export function withoutAuditHead(view: ClusterView, nodeId: string): readonly ObjectEffect[] {
  const head = view.auditHead(nodeId);
  return head === undefined ? [] : [remove(head)];
}
