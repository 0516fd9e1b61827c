// SPDX-License-Identifier: Apache-2.0
import { CofferError } from '../../common/index.ts';
import { type HardState, NONE } from '../../raft/index.ts';
import type { Checkpoint, RaftLog } from '../../storage/index.ts';
import type { NodeIdentity } from './node-identity.ts';

export interface Opened {
  readonly checkpoint: Checkpoint;
  readonly identity: NodeIdentity;
  readonly hardState: HardState;
  readonly log: Pick<RaftLog, 'start' | 'last' | 'mark' | 'positionAt'>;
  readonly appliedIndex: number;
}

/**
 * Holds the database against the checkpoint beside it. The database may be ahead, by what a crash kept from the
 * checkpoint; one that is behind has lost what was acknowledged. Throws `store.damaged`.
 */
export function verifyCheckpoint({ checkpoint, identity, hardState, log, appliedIndex }: Opened): void {
  const same =
    identity.nodeId === checkpoint.nodeId &&
    identity.raftId === checkpoint.raftId &&
    identity.clusterId === checkpoint.clusterId;
  if (!same) {
    throw damaged(
      `the database belongs to node ${identity.nodeId}, and the checkpoint to ${checkpoint.nodeId}`,
    );
  }
  if (hardState.term < checkpoint.term) {
    throw damaged(
      `the database knows of term ${hardState.term}, though this node has been in term ${checkpoint.term}`,
    );
  }
  // A vote can be given after its term was written, and is never taken back.
  const forgotVote = checkpoint.vote !== NONE && hardState.vote !== checkpoint.vote;
  if (hardState.term === checkpoint.term && forgotVote) {
    throw damaged(`the database has another vote for term ${checkpoint.term} than this node has given`);
  }
  if (appliedIndex > log.last.index || appliedIndex < log.start.index) {
    throw damaged(
      `the state is applied up to entry ${appliedIndex}, but the log holds ${log.start.index + 1} to ${log.last.index}`,
    );
  }
  verifyLast(checkpoint, log);
}

/**
 * Between two counts of rewrites the log only grows. When it was rewritten since the checkpoint, it may be shorter, or
 * hold entries of an older term in that place, and be whole all the same.
 */
function verifyLast(checkpoint: Checkpoint, log: Opened['log']): void {
  const { lastIndex, lastDigest, logRewrites } = checkpoint;
  if (log.mark.logRewrites > logRewrites) {
    return;
  }
  if (log.mark.logRewrites < logRewrites) {
    throw damaged('the log is as it was before a leader, or a snapshot, had this node replace its end');
  }
  if (log.last.index < lastIndex) {
    throw damaged(
      `the log ends at entry ${log.last.index}, though this node has written entry ${lastIndex}: ` +
        `${lastIndex - log.last.index} are lost`,
    );
  }
  const there = log.positionAt(lastIndex);
  if (there !== undefined && !there.digest.equals(lastDigest)) {
    throw damaged(`entry ${lastIndex} of the log is not the one that this node has written`);
  }
}

function damaged(sentence: string): CofferError {
  return new CofferError('store.damaged', sentence);
}
