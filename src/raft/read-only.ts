// SPDX-License-Identifier: Apache-2.0
// The reads that a leader of one term holds back until a quorum has confirmed that it still leads (thesis, 6.4).
import { invariant, u64Bytes } from '../common/index.ts';
import type { MsgReadIndex } from './message.ts';
import { type JointConfig, jointCommitted } from './quorum/index.ts';
import type { NodeId } from './types.ts';

/** A read, and the index that was committed when it came. */
export interface PendingRead {
  readonly request: MsgReadIndex;
  readonly index: number;
}

/**
 * Reads have positions, counted from 1 in a leader's term. A heartbeat carries the position of the last read that
 * waits, its answer brings the position back, and a quorum that has answered for a position confirms all reads up to
 * it. So one round serves any number of reads, and late or repeated answers can do no harm: an answer counts for no
 * read that came after the heartbeat left.
 */
export class ReadOnly {
  readonly #acks = new Map<NodeId, number>();
  #confirmed = 0;
  #waiting: PendingRead[] = [];

  add(request: MsgReadIndex, index: number): void {
    this.#waiting.push({ request, index });
  }

  /** What the next heartbeat carries: 8 bytes, or none if no read waits. */
  heartbeatContext(): Buffer {
    return this.#waiting.length === 0 ? Buffer.alloc(0) : u64Bytes(this.#confirmed + this.#waiting.length);
  }

  /** A node, possibly the leader itself, has answered a heartbeat that carried `context`. */
  receiveAck(from: NodeId, context: Buffer): void {
    if (context.length !== 8) {
      return;
    }
    // No position beyond the last read was ever sent; an answer that claims one must not confirm reads to come.
    const position = Math.min(Number(context.readBigUInt64BE()), this.#confirmed + this.#waiting.length);
    this.#acks.set(from, Math.max(this.#acks.get(from) ?? 0, position));
  }

  /** The reads that a quorum of the voters, without those for whom `counts` is false, has confirmed now, in order. */
  confirm(voters: JointConfig, counts: (id: NodeId) => boolean): readonly PendingRead[] {
    const confirmed = jointCommitted(voters, (id) => (counts(id) ? this.#acks.get(id) : undefined));
    if (confirmed <= this.#confirmed) {
      return [];
    }
    invariant(
      confirmed <= this.#confirmed + this.#waiting.length,
      `only the ${this.#waiting.length} reads that wait can be confirmed`,
    );
    const reads = this.#waiting.splice(0, confirmed - this.#confirmed);
    this.#confirmed = confirmed;
    return reads;
  }
}
