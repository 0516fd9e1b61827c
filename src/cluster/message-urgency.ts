// SPDX-License-Identifier: Apache-2.0
// Which of the log's messages may wait a moment to travel with another one. Nothing depends on it but how often both sides
// have to be woken.
import type { MsgAppResp, NodeId, PeerMessage } from '../raft/index.ts';
import type { Urgency } from '../transport/index.ts';

/** A manager that has forwarded a change within this time has callers who wait to see it committed. */
const FORWARDED_MS = 100;

interface Acknowledged {
  readonly term: number;
  readonly index: number;
}

/** Two messages of each replicated entry hurry: the leader's that brings it, and the follower's that it is durable. */
export class MessageUrgency {
  readonly #monotonic_ms: () => number;
  /** What this node has acknowledged to each manager last. */
  readonly #acknowledged = new Map<NodeId, Acknowledged>();
  /** When each manager has last forwarded a change to this node. */
  readonly #forwarded_ms = new Map<NodeId, number>();

  constructor(monotonic_ms: () => number) {
    this.#monotonic_ms = monotonic_ms;
  }

  /** A message came from `sender`. */
  received(sender: NodeId, { type }: PeerMessage): void {
    if (type === 'MsgProp') {
      this.#forwarded_ms.set(sender, this.#monotonic_ms());
    }
  }

  /** How soon a message is to go out that is sent now. */
  of(message: PeerMessage): Urgency {
    if (message.type === 'MsgApp') {
      // Without entries it only tells that more is committed.
      return message.entries.length > 0 || this.#waits(message.to) ? 'soon' : 'along';
    }
    return message.type === 'MsgAppResp' && !this.#isNews(message) ? 'along' : 'soon';
  }

  #isNews({ index, reject, term, to }: MsgAppResp): boolean {
    const before = this.#acknowledged.get(to);
    this.#acknowledged.set(to, { term, index });
    return reject || before?.term !== term || before.index < index;
  }

  #waits(to: NodeId): boolean {
    const forwarded_ms = this.#forwarded_ms.get(to);
    return forwarded_ms !== undefined && this.#monotonic_ms() - forwarded_ms < FORWARDED_MS;
  }
}
