// SPDX-License-Identifier: Apache-2.0
// Committed entries between the core and the state machine.
import type { Entry, Message, MsgStorageApply } from '../../raft/index.ts';

export interface ApplyPart {
  readonly entries: readonly Entry[];
  /** What the core is to be told when they are applied: nothing before the last ones that it asked for together. */
  readonly responses: readonly Message[];
}

/** Hands out what is to be applied in its order, in parts. */
export class ApplyQueue {
  #messages: MsgStorageApply[] = [];
  /** How many entries of the first message were handed out. */
  #taken = 0;

  #count = 0;

  /** How many entries wait. */
  get count(): number {
    return this.#count;
  }

  add(message: MsgStorageApply): void {
    this.#messages.push(message);
    this.#count += message.entries.length;
  }

  /** The next `countMax` entries at most; undefined if there are none. */
  next(countMax: number): ApplyPart | undefined {
    const [first] = this.#messages;
    if (first === undefined) {
      return undefined;
    }
    const entries = first.entries.slice(this.#taken, this.#taken + countMax);
    this.#taken += entries.length;
    this.#count -= entries.length;
    if (this.#taken < first.entries.length) {
      return { entries, responses: [] };
    }
    this.#messages.shift();
    this.#taken = 0;
    return { entries, responses: first.responses };
  }
}
