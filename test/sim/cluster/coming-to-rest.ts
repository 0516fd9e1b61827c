// SPDX-License-Identifier: Apache-2.0
// Without faults a cluster comes to rest within a bounded time: one leader, one configuration that is not joint, one log
// and one state; and every member serves writes and reads.
import type { NodeId } from '../../../src/raft/index.ts';
import type { World } from '../faults/world.ts';
import type { Client } from '../workload/clients.ts';
import type { Member } from './cluster.ts';
import type { Keeper } from './keeper.ts';
import { membersOf, type Operator } from './operator.ts';

const LIMIT_US = 60_000_000;
const STEP_US = 100_000;
const SERVICE_ATTEMPTS = 5;

export class ComingToRest {
  readonly #world: World;
  readonly #keeper: Keeper;
  readonly #operator: Operator;
  readonly #client: Client;
  #finished = false;
  #members: readonly Member[] = [];

  constructor(world: World, keeper: Keeper, operator: Operator, client: Client) {
    this.#world = world;
    this.#keeper = keeper;
    this.#operator = operator;
    this.#client = client;
  }

  get finished(): boolean {
    return this.#finished;
  }

  /** Those who are members when all is at rest. */
  get members(): readonly Member[] {
    return this.#members;
  }

  async run(): Promise<void> {
    this.#mendEverything();
    await this.#rests('after the faults');
    await this.#serves();
    await this.#rests('after fresh writes');
    this.#finished = true;
  }

  #mendEverything(): void {
    const { cluster, network, trace } = this.#world;
    trace.add(() => 'from here on there are no faults');
    this.#world.calm = true;
    network.calm();
    for (const { node } of cluster.all) {
      node.behaviour.heal();
      node.clock.setRate(1);
      node.process?.goOn();
    }
    this.#keeper.hurry();
  }

  async #rests(when: string): Promise<void> {
    const { scheduler, violations } = this.#world;
    const until_us = scheduler.now_us + LIMIT_US;
    let unrest: string | undefined = 'nothing yet';
    while (unrest !== undefined) {
      await scheduler.sleep(STEP_US);
      this.#operator.tidyUp();
      unrest = this.#unrest();
      if (unrest !== undefined && scheduler.now_us > until_us) {
        violations.report(
          'liveness',
          `${when}, ${LIMIT_US / 1e6} s are not enough to come to rest: ${unrest}`,
        );
        return;
      }
    }
    this.#world.trace.add(() => `the cluster is at rest ${when}`);
  }

  /** What keeps the cluster from being at rest. */
  #unrest(): string | undefined {
    const { cluster } = this.#world;
    const leader = cluster.leader();
    const replica = leader?.node.replica;
    if (leader === undefined || replica === undefined) {
      return 'there is no leader';
    }
    if (replica.ended !== undefined) {
      return `the leader ${leader.name} is being stopped`;
    }
    const { confState, appliedIndex, digest } = replica.state;
    const { commit, lastIndex, term } = replica.status();
    if (confState.votersOutgoing.length > 0) {
      return 'the configuration is joint';
    }
    if (commit !== lastIndex || appliedIndex !== lastIndex) {
      return `the leader ${leader.name} has entries to ${lastIndex}, committed to ${commit}, applied to ${appliedIndex}`;
    }
    const members: Member[] = [];
    for (const id of membersOf(confState)) {
      const member = cluster.get(id);
      const problem =
        member === undefined ? 'is unknown' : this.#differs(member, leader.id, term, appliedIndex, digest);
      if (member === undefined || problem !== undefined) {
        return `member ${id} ${problem ?? ''}`;
      }
      members.push(member);
    }
    this.#members = members;
    return undefined;
  }

  #differs(
    member: Member,
    lead: NodeId,
    term: number,
    appliedIndex: number,
    digest: Buffer,
  ): string | undefined {
    const { replica, state } = member.node;
    if (replica === undefined) {
      return `is ${state}`;
    }
    if (replica.ended !== undefined) {
      return 'is being stopped';
    }
    const status = replica.status();
    if (status.lead !== lead || status.term !== term) {
      return `follows ${status.lead} in term ${status.term}, not ${lead} in term ${term}`;
    }
    if (status.recoveringTerm !== 0) {
      return 'has not made up for what it lost';
    }
    if (replica.state.appliedIndex !== appliedIndex || status.lastIndex !== appliedIndex) {
      return `has applied ${replica.state.appliedIndex} of ${appliedIndex} entries`;
    }
    return replica.state.digest.equals(digest) ? undefined : 'has another state';
  }

  async #serves(): Promise<void> {
    const { violations } = this.#world;
    for (const member of this.#members) {
      const call = {
        kind: 'put',
        newId: `id-${member.name}`.padEnd(25, '0'),
        value: `fresh-${member.name}`,
        expect: 'always',
      } as const;
      const written = await this.#tried(() => this.#client.call('name-0', call, member));
      const read = await this.#tried(() => this.#client.call('name-0', { kind: 'read' }, member));
      // A change that was proposed under faults may have come late, and removed it.
      if ((!written || !read) && this.#isMember(member.id)) {
        violations.report('liveness', `${member.name} does not serve a ${written ? 'read' : 'write'}`);
      }
    }
  }

  #isMember(id: NodeId): boolean {
    const confState = this.#world.cluster.configuration();
    return confState === undefined || membersOf(confState).includes(id);
  }

  async #tried(work: () => Promise<{ readonly kind: string }>): Promise<boolean> {
    for (let attempt = 0; attempt < SERVICE_ATTEMPTS; attempt += 1) {
      const { kind } = await work();
      if (kind === 'done' || kind === 'seen') {
        return true;
      }
    }
    return false;
  }
}
