// SPDX-License-Identifier: Apache-2.0
// A person who changes the membership, with changes that may be lost, late, or of unknown outcome.
import { CofferError } from '../../../src/common/index.ts';
import type {
  AnyConfChange,
  ConfChangeSingle,
  ConfChangeTransition,
  ConfState,
  NodeId,
} from '../../../src/raft/index.ts';
import { describeChanges } from '../../../src/raft/index.ts';
import type { World } from '../faults/world.ts';
import type { RandomStream } from '../kernel/random-stream.ts';
import type { Member } from './cluster.ts';
import type { Keeper } from './keeper.ts';

/** Then another change is tried, whatever becomes of this one. */
const PATIENCE_US = 1_000_000;
const NO_CONTEXT = Buffer.alloc(0);

/** `refused`: the change is certainly not under way. */
type Outcome = 'in effect' | 'refused' | 'unknown';

export class Operator {
  readonly #world: World;
  readonly #random: RandomStream;
  readonly #keeper: Keeper;
  /** Nodes whose removal or demotion was asked for: they may cease to be voters at any time. */
  readonly #leaving = new Set<NodeId>();
  /** Nodes that may become members again by a change whose outcome is not known. */
  readonly #mayComeBack = new Set<NodeId>();
  /** A new node that is a member of nothing yet. */
  #spare: NodeId | undefined;
  #underWay = 0;

  constructor(world: World, random: RandomStream, keeper: Keeper) {
    this.#world = world;
    this.#random = random;
    this.#keeper = keeper;
  }

  /** Begins one change; a second one while another is under way, as two persons would who do not know of each other. */
  change(): void {
    this.#begin(2, () => this.#change());
  }

  /** Begins what is needed for the cluster to come to rest, if something is. */
  tidyUp(): void {
    const confState = this.#world.cluster.configuration();
    if (confState === undefined) {
      return;
    }
    const dead = this.#world.cluster.all.find(
      ({ id, node }) => node.state === 'retired' && membersOf(confState).includes(id),
    );
    const change =
      confState.votersOutgoing.length > 0
        ? confState.autoLeave
          ? undefined
          : leaveJoint
        : dead === undefined
          ? undefined
          : v2([{ type: 'ConfChangeRemoveNode', nodeId: dead.id }], 'ConfChangeTransitionAuto');
    if (change !== undefined) {
      this.#begin(1, () => this.#propose(change));
    }
  }

  #begin(atOnce_max: number, work: () => Promise<unknown>): void {
    if (this.#underWay < atOnce_max) {
      this.#underWay += 1;
      void work().finally(() => {
        this.#underWay -= 1;
      });
    }
  }

  async #change(): Promise<void> {
    const confState = this.#world.cluster.configuration();
    if (confState === undefined) {
      return;
    }
    if (confState.votersOutgoing.length > 0 && !confState.autoLeave && this.#random.chance(0.3)) {
      await this.#propose(leaveJoint);
      return;
    }
    const change = this.#choose(confState);
    if (change === undefined) {
      return;
    }
    const leaving = singlesOf(change)
      .filter(({ type }) => type === 'ConfChangeRemoveNode' || type === 'ConfChangeAddLearnerNode')
      .map(({ nodeId }) => nodeId)
      .filter((nodeId) => !this.#leaving.has(nodeId));
    leaving.forEach((nodeId) => this.#leaving.add(nodeId));
    const leader = this.#world.cluster.leader();
    const outcome = await this.#propose(change);
    if (outcome !== 'refused' && singlesOf(change).some(({ nodeId }) => nodeId === this.#spare)) {
      this.#spare = undefined;
    }
    if (outcome === 'refused') {
      leaving.forEach((nodeId) => this.#leaving.delete(nodeId));
    }
    if (outcome === 'in effect' && leader !== undefined && leaving.includes(leader.id)) {
      this.#world.coverage.hit('leader removed');
    }
    this.#learn(change, outcome);
  }

  #choose(confState: ConfState): AnyConfChange | undefined {
    const { config } = this.#world;
    const members = membersOf(confState);
    const random = this.#random;
    const replaced = this.#keeper.takeReplaced();
    if (replaced !== undefined) {
      return this.#replace(replaced.id);
    }
    const certain = confState.voters.filter((id) => !this.#leaving.has(id) && this.#isAlive(id));
    const leader = this.#world.cluster.leader()?.id;
    const victim =
      leader !== undefined && random.chance(config.againstLeader) ? leader : random.pickAny(confState.voters);
    const removable =
      certain.length > config.voters_min && victim !== undefined && confState.voters.includes(victim)
        ? victim
        : undefined;
    const learner = random.pickAny(confState.learners);
    if (
      removable !== undefined &&
      members.length <= config.members_max &&
      random.chance(config.replacements)
    ) {
      return this.#replace(removable);
    }
    switch (random.below(6)) {
      case 0:
        return members.length < config.members_max
          ? this.#single({ type: 'ConfChangeAddLearnerNode', nodeId: this.#join() })
          : undefined;
      case 1:
        return members.length < config.members_max
          ? this.#single({ type: 'ConfChangeAddNode', nodeId: this.#join() })
          : undefined;
      case 2:
        return learner === undefined
          ? undefined
          : this.#single({ type: 'ConfChangeAddNode', nodeId: learner });
      case 3:
        return learner === undefined
          ? undefined
          : this.#single({ type: 'ConfChangeRemoveNode', nodeId: learner });
      case 4:
        return removable === undefined
          ? undefined
          : this.#single({ type: 'ConfChangeRemoveNode', nodeId: removable });
      default:
        return removable === undefined
          ? undefined
          : v2([{ type: 'ConfChangeAddLearnerNode', nodeId: removable }], this.#transition());
    }
  }

  #single(change: ConfChangeSingle): AnyConfChange {
    return this.#random.chance(0.5)
      ? { kind: 'v1', ...change, context: NO_CONTEXT }
      : v2([change], this.#transition());
  }

  #replace(old: NodeId): AnyConfChange {
    return v2(
      [
        { type: 'ConfChangeAddNode', nodeId: this.#join() },
        { type: 'ConfChangeRemoveNode', nodeId: old },
      ],
      this.#transition(),
    );
  }

  #transition(): ConfChangeTransition {
    return this.#random.pick([
      'ConfChangeTransitionAuto',
      'ConfChangeTransitionJointImplicit',
      'ConfChangeTransitionJointExplicit',
    ]);
  }

  /** A new node, or one that was made for a change that came to nothing. */
  #join(): NodeId {
    const spare = this.#spare;
    if (spare !== undefined && this.#isAlive(spare)) {
      return spare;
    }
    const member = this.#world.cluster.join();
    member.node.start();
    this.#spare = member.id;
    return member.id;
  }

  #isAlive(id: NodeId): boolean {
    const node = this.#world.cluster.get(id)?.node;
    return node !== undefined && node.state !== 'retired';
  }

  async #propose(change: AnyConfChange): Promise<Outcome> {
    const { cluster, coverage, scheduler, trace } = this.#world;
    const through = this.#random.pickAny(cluster.running);
    if (through === undefined) {
      return 'refused';
    }
    trace.add(() => `the operator asks ${through.name} for ${describe(change)}`);
    const patience = scheduler.sleep(PATIENCE_US).then(() => 'no answer');
    const answer = await Promise.race([ask(through, change), patience]);
    trace.add(() => `${through.name} answers the operator: ${answer}`);
    coverage.hit(`membership change: ${answer}`);
    return answer === 'in effect' ? answer : answer === 'store.unavailable' ? 'refused' : 'unknown';
  }

  #learn(change: AnyConfChange, outcome: Outcome): void {
    for (const { type, nodeId } of singlesOf(change)) {
      const member = this.#world.cluster.get(nodeId);
      if (type === 'ConfChangeRemoveNode') {
        if (outcome === 'in effect' && member !== undefined && !this.#mayComeBack.has(nodeId)) {
          this.#dismiss(member);
        }
      } else if (outcome === 'unknown') {
        this.#mayComeBack.add(nodeId);
      }
    }
  }

  /** A node that was removed goes on for a while: it may not know. */
  #dismiss(member: Member): void {
    this.#world.scheduler.after(this.#random.exponential(2_000_000), () => {
      const confState = this.#world.cluster.configuration();
      if (
        member.node.state !== 'retired' &&
        confState !== undefined &&
        !membersOf(confState).includes(member.id)
      ) {
        member.dismissed = true;
        member.node.retire();
      }
    });
  }
}

/** Settles with the code of the error, if it is refused. */
function ask({ node }: Member, change: AnyConfChange): Promise<string> {
  return new Promise((resolve) => {
    node.process?.post(() => {
      const outcome = node.replica?.proposeConfChange(change).then(
        () => 'in effect',
        (thrown: unknown) => CofferError.from(thrown).code,
      );
      resolve(outcome ?? 'store.unavailable');
    });
  });
}

const leaveJoint: AnyConfChange = v2([], 'ConfChangeTransitionAuto');

function v2(changes: readonly ConfChangeSingle[], transition: ConfChangeTransition): AnyConfChange {
  return { kind: 'v2', transition, changes, context: NO_CONTEXT };
}

function singlesOf(change: AnyConfChange): readonly ConfChangeSingle[] {
  return 'changes' in change ? change.changes : [change];
}

function describe(change: AnyConfChange): string {
  const changes = singlesOf(change);
  return changes.length === 0 ? 'leaving the joint configuration' : describeChanges(changes);
}

/** All that a configuration names. */
export function membersOf(confState: ConfState): readonly NodeId[] {
  const { voters, learners, votersOutgoing, learnersNext } = confState;
  return [...new Set([...voters, ...learners, ...votersOutgoing, ...learnersNext])].sort((a, b) => a - b);
}
