// SPDX-License-Identifier: Apache-2.0
import { CofferError } from '../common/index.ts';

export function unknownNode(nodeId: string): CofferError {
  return new CofferError('cluster.node-unknown', `node ${nodeId} is not known here`);
}

export function removedNode(nodeId: string): CofferError {
  return new CofferError('cluster.node-removed', `node ${nodeId} was removed from the cluster`, {
    hint: 'To bring the machine back, move its state directory away and let it join under a new id.',
  });
}
