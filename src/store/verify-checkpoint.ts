// SPDX-License-Identifier: Apache-2.0
import { CofferError } from '../common/index.ts';
import type { HardState } from '../raft/index.ts';
import type { Checkpoint, RaftLog } from '../storage/index.ts';
import type { NodeIdentity } from './node-identity.ts';

export interface Opened {
  readonly checkpoint: Checkpoint;
  readonly identity: NodeIdentity;
  readonly hardState: HardState;
  readonly log: Pick<RaftLog, 'start' | 'last' | 'digestAt'>;
  readonly appliedIndex: number;
}

/**
 * Holds the database against the checkpoint beside it. The database may be ahead, by what a crash kept from the
 * checkpoint; one that is behind has lost what was acknowledged. Throws `store.damaged`.
 */
export function verifyCheckpoint({ checkpoint, identity, hardState, log, appliedIndex }: Opened): void {
  if (identity.nodeId !== checkpoint.nodeId || identity.clusterId !== checkpoint.clusterId) {
    throw damaged(
      `the database belongs to node ${identity.nodeId}, and the checkpoint to ${checkpoint.nodeId}`,
    );
  }
  const forgotVote = hardState.term === checkpoint.term && hardState.vote !== checkpoint.vote;
  if (hardState.term < checkpoint.term || forgotVote) {
    throw damaged(
      `the database knows of term ${hardState.term}, though this node has voted in term ${checkpoint.term}`,
    );
  }
  if (appliedIndex > log.last.index || appliedIndex < log.start.index) {
    throw damaged(
      `the state is applied up to entry ${appliedIndex}, but the log holds ${log.start.index + 1} to ${log.last.index}`,
    );
  }
  verifyLast(checkpoint, log);
}

function verifyLast(checkpoint: Checkpoint, log: Opened['log']): void {
  const { lastIndex, lastTerm, lastDigest } = checkpoint;
  // A later leader may have replaced entries that were never committed; its own are of a later term.
  if (log.last.index < lastIndex && log.last.term <= lastTerm) {
    throw damaged(
      `the log ends at entry ${log.last.index}, though this node has written entry ${lastIndex}: ` +
        `${lastIndex - log.last.index} are lost`,
    );
  }
  const there = lastIndex === log.start.index ? log.start : log.digestAt(lastIndex);
  if (there !== undefined && there.term <= lastTerm && !there.digest.equals(lastDigest)) {
    throw damaged(`entry ${lastIndex} of the log is not the one that this node has written`);
  }
}

function damaged(sentence: string): CofferError {
  return new CofferError('store.damaged', sentence);
}
