// SPDX-License-Identifier: Apache-2.0
import { CofferError } from '../common/index.ts';
import type { Proposed } from './secret-store.ts';

/** A command that waits for its turn, and those who wait for it. */
export interface Proposal {
  /** The command's bytes; whoever takes the proposal wipes them. */
  readonly data: Buffer;
  readonly removal: boolean;
  readonly resolve: (proposed: Proposed) => void;
  readonly reject: (error: CofferError) => void;
}

const WAITING_MAX = 4_096;
const WAITING_BYTES_MAX = 64 * 1024 * 1024;

/** One group of proposals becomes one batch: this many entries, and this many bytes, at most. */
const GROUP_MAX = 512;
const GROUP_BYTES_MAX = 4 * 1024 * 1024;

/** The proposals that wait for the batch in flight. Bounded in count and in bytes. */
export class ProposalQueue {
  #waiting: Proposal[] = [];
  #waiting_bytes = 0;

  get length(): number {
    return this.#waiting.length;
  }

  /** Throws `store.busy` when the queue is full. */
  add(proposal: Proposal): void {
    if (
      this.#waiting.length >= WAITING_MAX ||
      this.#waiting_bytes + proposal.data.length > WAITING_BYTES_MAX
    ) {
      throw new CofferError('store.busy', `${this.#waiting.length} changes wait for the disk already`, {
        hint: 'Try again in a moment.',
      });
    }
    this.#waiting.push(proposal);
    this.#waiting_bytes += proposal.data.length;
  }

  /** The next group, oldest first; at least one proposal if any waits. */
  takeGroup(): readonly Proposal[] {
    let size_bytes = 0;
    let count = 0;
    for (const { data } of this.#waiting) {
      if (count > 0 && (count === GROUP_MAX || size_bytes + data.length > GROUP_BYTES_MAX)) {
        break;
      }
      size_bytes += data.length;
      count += 1;
    }
    const group = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    this.#waiting_bytes -= size_bytes;
    return group;
  }

  /** Empties the queue; every proposal is wiped and rejected. */
  rejectAll(error: CofferError): void {
    for (const proposal of this.#waiting) {
      proposal.data.fill(0);
      proposal.reject(error);
    }
    this.#waiting = [];
    this.#waiting_bytes = 0;
  }
}
