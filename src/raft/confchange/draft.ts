// SPDX-License-Identifier: Apache-2.0
// A configuration in the making: a private copy that changes are made to, one after the other.
import { invariant, unreachable } from '../../common/index.ts';
import { Inflights, Progress, type TrackerConfig } from '../tracker/index.ts';
import { type ConfChangeSingle, NONE, type NodeId } from '../types.ts';
import { checkConfig } from './check-config.ts';

/** What a change begins with; a `ProgressTracker` is one. */
export interface ChangerTracker {
  readonly config: TrackerConfig;
  readonly progress: ReadonlyMap<NodeId, Progress>;
  readonly maxInflight: number;
  readonly maxInflightBytes: number;
}

export interface ChangerState {
  readonly tracker: ChangerTracker;
  /** Of this node's log: where probing of new members begins. */
  readonly lastIndex: number;
}

/** What a change ends with. Both belong together, and share nothing with what the change began with. */
export interface Changed {
  readonly config: TrackerConfig;
  readonly progress: ReadonlyMap<NodeId, Progress>;
}

/** Changes go to the incoming voters and to the learners; the outgoing voters only move as a whole. */
export class Draft {
  readonly #changer: ChangerState;
  readonly #incoming: Set<NodeId>;
  #outgoing: ReadonlySet<NodeId>;
  readonly #learners: Set<NodeId>;
  readonly #learnersNext: Set<NodeId>;
  readonly #progress: Map<NodeId, Progress>;
  #autoLeave: boolean;

  /** Copies the configuration, which must be sound. */
  constructor(changer: ChangerState) {
    const { config, progress } = changer.tracker;
    checkConfig(config, progress);
    this.#changer = changer;
    this.#incoming = new Set(config.voters.incoming);
    this.#outgoing = new Set(config.voters.outgoing);
    this.#learners = new Set(config.learners);
    this.#learnersNext = new Set(config.learnersNext);
    this.#progress = new Map(Array.from(progress, ([id, member]) => [id, member.clone()]));
    this.#autoLeave = config.autoLeave;
  }

  get incoming(): ReadonlySet<NodeId> {
    return this.#incoming;
  }

  /** Makes the changes in order. A voter must be left at the end. */
  apply(changes: readonly ConfChangeSingle[]): void {
    for (const change of changes) {
      this.#applyOne(change);
    }
    invariant(this.#incoming.size > 0, 'a cluster cannot do without its last voter');
  }

  /** Lets the present voters decide along with those that the changes to come lead to. */
  enterJoint(autoLeave: boolean): void {
    this.#outgoing = new Set(this.#incoming);
    this.#autoLeave = autoLeave;
  }

  /** Dismisses the outgoing voters. Those that were to become learners do, the others without a part are forgotten. */
  leaveJoint(): void {
    for (const id of this.#learnersNext) {
      this.#learners.add(id);
      this.#member(id).isLearner = true;
    }
    this.#learnersNext.clear();
    for (const id of this.#outgoing) {
      if (!this.#incoming.has(id) && !this.#learners.has(id)) {
        this.#progress.delete(id);
      }
    }
    this.#outgoing = new Set();
    this.#autoLeave = false;
  }

  /** The configuration as it stands, which must be sound. */
  finish(): Changed {
    const config: TrackerConfig = {
      voters: { incoming: this.#incoming, outgoing: this.#outgoing },
      autoLeave: this.#autoLeave,
      learners: this.#learners,
      learnersNext: this.#learnersNext,
    };
    checkConfig(config, this.#progress);
    return { config, progress: this.#progress };
  }

  #applyOne({ type, nodeId }: ConfChangeSingle): void {
    if (nodeId === NONE) {
      // A driver that decides against a committed change applies it to nobody, so that all nodes still agree.
      return;
    }
    switch (type) {
      case 'ConfChangeAddNode':
        return this.#makeVoter(nodeId);
      case 'ConfChangeAddLearnerNode':
        return this.#makeLearner(nodeId);
      case 'ConfChangeRemoveNode':
        return this.#remove(nodeId);
      case 'ConfChangeUpdateNode':
        // Only the driver knows what has changed about the node: its address, say.
        return;
      default:
        return unreachable(type);
    }
  }

  #makeVoter(id: NodeId): void {
    const member = this.#progress.get(id);
    if (member === undefined) {
      this.#progress.set(id, this.#newMember(false));
    } else {
      member.isLearner = false;
    }
    this.#learners.delete(id);
    this.#learnersNext.delete(id);
    this.#incoming.add(id);
  }

  #makeLearner(id: NodeId): void {
    const member = this.#progress.get(id);
    if (member === undefined) {
      this.#progress.set(id, this.#newMember(true));
      this.#learners.add(id);
      return;
    }
    this.#incoming.delete(id);
    // As long as it votes among the outgoing voters it cannot be a learner, and leaving makes it one.
    if (this.#outgoing.has(id)) {
      this.#learnersNext.add(id);
    } else {
      member.isLearner = true;
      this.#learners.add(id);
    }
  }

  #remove(id: NodeId): void {
    this.#incoming.delete(id);
    this.#learners.delete(id);
    this.#learnersNext.delete(id);
    // An outgoing voter still decides, so it is still sent the log.
    if (!this.#outgoing.has(id)) {
      this.#progress.delete(id);
    }
  }

  #newMember(isLearner: boolean): Progress {
    const { tracker, lastIndex } = this.#changer;
    return new Progress({
      // Its log is most likely empty. The first probe finds that out, and the peer's answer tells where it ends.
      next: Math.max(lastIndex, 1),
      inflights: new Inflights(tracker.maxInflight, tracker.maxInflightBytes),
      isLearner,
      // A leader must not step down because a new member has not had the time to say anything.
      recentActive: true,
    });
  }

  #member(id: NodeId): Progress {
    const member = this.#progress.get(id);
    invariant(member !== undefined, `member ${id} has progress`);
    return member;
  }
}
