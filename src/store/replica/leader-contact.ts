// SPDX-License-Identifier: Apache-2.0
import { type NodeId, NONE } from '../../raft/index.ts';
import type { Clock } from './clock.ts';

/** Who leads, as far as this node knows, and when that one was heard from. */
export class LeaderContact {
  readonly #own: NodeId;
  readonly #clock: Clock;
  #lead: NodeId = NONE;
  #heardAt_ms: number | undefined;

  constructor(own: NodeId, clock: Clock) {
    this.#own = own;
    this.#clock = clock;
  }

  get lead(): NodeId {
    return this.#lead;
  }

  get isSelf(): boolean {
    return this.#lead === this.#own;
  }

  /** How long ago a leader was heard from; 0 while this node leads, undefined before the first. */
  get last_ms(): number | undefined {
    if (this.isSelf) {
      return 0;
    }
    return this.#heardAt_ms === undefined ? undefined : this.#clock.now_ms() - this.#heardAt_ms;
  }

  leaderIs(lead: NodeId): void {
    this.#lead = lead;
  }

  /** A message came from this node. */
  heardFrom(id: NodeId): void {
    if (id === this.#lead) {
      this.#heardAt_ms = this.#clock.now_ms();
    }
  }
}
