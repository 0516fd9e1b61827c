// SPDX-License-Identifier: Apache-2.0
import type { PeerMessage } from '../../../src/raft/index.ts';
import type { Coverage } from './coverage.ts';

/** Counts the kinds of messages, and those that say no. */
export class MessageCoverage {
  readonly #coverage: Coverage;

  constructor(coverage: Coverage) {
    this.#coverage = coverage;
  }

  sent(message: PeerMessage): void {
    this.#coverage.hit(`sent ${message.type}`);
    if ('reject' in message && message.reject) {
      this.#coverage.hit(`sent ${message.type} that rejects`);
    }
    if (message.type === 'MsgAppResp' && message.recoveringTerm !== 0) {
      this.#coverage.hit('sent MsgAppResp while recovering');
    }
    if (message.type === 'MsgVote' && message.context.length > 0) {
      this.#coverage.hit('sent MsgVote for a transfer');
    }
  }

  happened(how: string, type: PeerMessage['type']): void {
    this.#coverage.hit(how === 'delivered' ? `delivered ${type}` : `message ${how}`);
  }
}
