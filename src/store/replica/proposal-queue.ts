// SPDX-License-Identifier: Apache-2.0
import { CofferError } from '../../common/index.ts';
import type { RequestOutcome } from '../../secrets/index.ts';
import type { Proposed } from '../secret-store.ts';
import type { Timer } from './clock.ts';

/** A request that waits to be applied, and the one who waits for it. */
export interface Proposal {
  readonly requestId: string;
  /** The request's bytes. The queue wipes them when the proposal is settled; the core gets copies. */
  readonly data: Buffer;
  /** Cancelled when the proposal is settled. */
  readonly timer: Timer;
  readonly resolve: (proposed: Proposed) => void;
  readonly reject: (error: CofferError) => void;
}

const PROPOSALS_MAX = 4_096;
const PROPOSAL_BYTES_MAX = 64 * 1024 * 1024;

/** One group of proposals becomes one message: this many entries, and this many bytes, at most. */
const GROUP_MAX = 512;
const GROUP_BYTES_MAX = 4 * 1024 * 1024;

/** How a group went to the core. */
export interface Attempt {
  readonly at_ms: number;
  /** The term of the node at that time. */
  readonly term: number;
  /** Whether it went on to a leader elsewhere, on a way that loses messages. */
  readonly forwarded: boolean;
}

interface Waiting {
  readonly proposal: Proposal;
  /** How often it was proposed before. */
  readonly attempts: number;
}

interface InFlight extends Waiting {
  readonly last: Attempt;
}

/** A proposal that was lost on its way is made again after this time, and then after twice as long each time. */
const FORWARD_TIMEOUT_MS = 1_000;

/**
 * The proposals of this node, from `add` until they are applied. A proposal that may have been lost is made again
 * under the same request id, which the state machine applies once. Bounded in count and in bytes.
 */
export class ProposalQueue {
  #waiting: Waiting[] = [];
  readonly #inFlight = new Map<string, InFlight>();
  #held_bytes = 0;

  /** How many wait for their turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** How many are not settled. */
  get size(): number {
    return this.#waiting.length + this.#inFlight.size;
  }

  /** Throws `store.busy` when the queue is full. */
  add(proposal: Proposal): void {
    if (this.size >= PROPOSALS_MAX || this.#held_bytes + proposal.data.length > PROPOSAL_BYTES_MAX) {
      throw new CofferError('store.busy', `${this.size} changes wait to be made already`, {
        hint: 'Try again in a moment.',
      });
    }
    this.#waiting.push({ proposal, attempts: 0 });
    this.#held_bytes += proposal.data.length;
  }

  /** The next group, oldest first; at least one proposal if any waits. They stay waiting until `proposed`. */
  nextGroup(): readonly Proposal[] {
    const group: Proposal[] = [];
    let size_bytes = 0;
    for (const { proposal } of this.#waiting) {
      size_bytes += proposal.data.length;
      if (group.length === GROUP_MAX || (group.length > 0 && size_bytes > GROUP_BYTES_MAX)) {
        break;
      }
      group.push(proposal);
    }
    return group;
  }

  /** The core took the first `count` that waited. */
  proposed(count: number, last: Attempt): void {
    for (const { proposal, attempts } of this.#waiting.splice(0, count)) {
      this.#inFlight.set(proposal.requestId, { proposal, attempts: attempts + 1, last });
    }
  }

  /**
   * Those that may have been lost wait for their turn again, ahead of the others: what was proposed in another term
   * than `term`, since its leader may have lost it, and what was forwarded and not answered in time.
   */
  proposeAgain(now_ms: number, term: number): void {
    const lost: InFlight[] = [];
    for (const each of this.#inFlight.values()) {
      const { attempts, last } = each;
      const patience_ms = FORWARD_TIMEOUT_MS * 2 ** (attempts - 1);
      if (last.term !== term || (last.forwarded && now_ms - last.at_ms > patience_ms)) {
        lost.push(each);
        this.#inFlight.delete(each.proposal.requestId);
      }
    }
    if (lost.length > 0) {
      this.#waiting.unshift(...lost);
    }
  }

  /** The request came to this. Nothing happens if nobody here waits for it. */
  settle(requestId: string, outcome: RequestOutcome): void {
    const proposal = this.#remove(requestId);
    if (proposal === undefined) {
      return;
    }
    if (outcome.kind === 'applied') {
      proposal.resolve({ secret: outcome.secret, index: outcome.index });
    } else {
      proposal.reject(outcome.error);
    }
  }

  /** Nobody waits for this request any more, whatever becomes of it. */
  abandon(requestId: string): void {
    this.#remove(requestId);
  }

  /** Every proposal is rejected. */
  rejectAll(error: CofferError): void {
    for (const { proposal } of [...this.#waiting, ...this.#inFlight.values()]) {
      this.#remove(proposal.requestId);
      proposal.reject(error);
    }
  }

  #remove(requestId: string): Proposal | undefined {
    let proposal = this.#inFlight.get(requestId)?.proposal;
    if (proposal === undefined) {
      const place = this.#waiting.findIndex((other) => other.proposal.requestId === requestId);
      proposal = place < 0 ? undefined : this.#waiting.splice(place, 1)[0]?.proposal;
    } else {
      this.#inFlight.delete(requestId);
    }
    if (proposal !== undefined) {
      this.#held_bytes -= proposal.data.length;
      proposal.data.fill(0);
      proposal.timer.cancel();
    }
    return proposal;
  }
}
