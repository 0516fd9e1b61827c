// SPDX-License-Identifier: Apache-2.0
// What a node is told, or says, that is not what the call is for.
import { CofferError } from '../common/index.ts';

export function unknownNode(nodeId: string): CofferError {
  return new CofferError('cluster.node-unknown', `node ${nodeId} is not known here`);
}

export function removedNode(nodeId: string): CofferError {
  return new CofferError('cluster.node-removed', `node ${nodeId} was removed from the cluster`, {
    hint:
      'To bring the machine back, let it join under a new id: a manager by docker coffer rebuild --join ADDRESS --token -, a ' +
      'worker with an empty state directory.',
  });
}

export function notAManager(): CofferError {
  return new CofferError('cluster.not-a-manager', 'this node is a worker, and only managers keep secrets', {
    hint: 'Type the command on a manager, or promote this node there: docker coffer node promote NODE.',
  });
}

export function notJoined(): CofferError {
  return new CofferError('cluster.joining', 'the node has not joined its cluster yet');
}
