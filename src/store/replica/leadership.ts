// SPDX-License-Identifier: Apache-2.0
import { CofferError } from '../../common/index.ts';
import { type ConfState, type NodeId, NONE, type RawNode } from '../../raft/index.ts';
import type { Clock } from './clock.ts';
import type { ReplicaSettings } from './replica-settings.ts';

/** What a leader that is to be removed gives another one to take over, in ticks. */
const HAND_OVER_TICKS = 100;

export interface LeadershipOptions {
  readonly id: NodeId;
  readonly node: RawNode;
  readonly clock: Clock;
  readonly settings: Pick<ReplicaSettings, 'tick_ms'>;
  readonly confState: () => ConfState;
  /** Whether this node leads, as far as it knows. */
  readonly leads: () => boolean;
  /** Throws once the replica has ended. */
  readonly check: () => void;
  /** Does what concerns the core, and then what follows from that; a failure ends the replica. */
  readonly run: (work: () => void) => void;
}

/** How a node takes the leadership where nobody else can, and gives it away before it goes. */
export class Leadership {
  readonly #options: LeadershipOptions;

  constructor(options: LeadershipOptions) {
    this.#options = options;
  }

  /** Stands for election as the only voter, which need not wait for a leader that cannot be. */
  campaignAlone(): void {
    const { confState, id, node } = this.#options;
    const { voters, votersOutgoing } = confState();
    const alone = voters.length === 1 && voters[0] === id && votersOutgoing.length === 0;
    if (!alone) {
      return;
    }
    const { lead, raftState } = node.basicStatus();
    if (lead === NONE && raftState === 'StateFollower') {
      node.campaign();
    }
  }

  /** Hands the leadership to the voter that is furthest, if there is another. */
  handOver(): void {
    const { confState, id, node } = this.#options;
    const { progress, raftState } = node.status();
    if (raftState !== 'StateLeader') {
      return;
    }
    const match = (other: NodeId): number => progress.get(other)?.match ?? 0;
    const others = confState().voters.filter((other) => other !== id);
    const [furthest] = others.sort((a, b) => match(b) - match(a) || a - b);
    if (furthest !== undefined) {
      node.transferLeader(furthest);
    }
  }

  /** Resolves when another voter leads; at once if there is none. Throws `store.unavailable` if nobody takes over. */
  async passOn(): Promise<void> {
    const { check, clock, confState, id, leads, run, settings } = this.#options;
    if (confState().voters.every((voter) => voter === id)) {
      return;
    }
    for (let wait = 0; wait < HAND_OVER_TICKS && leads(); wait += 1) {
      run(() => this.handOver());
      await new Promise<void>((resolve) => {
        clock.setTimer(settings.tick_ms, resolve);
      });
      check();
    }
    if (leads()) {
      throw new CofferError(
        'store.unavailable',
        'the leader is to be removed, and no other voter takes over',
        { hint: 'See that most managers are up, and try again.' },
      );
    }
  }
}
