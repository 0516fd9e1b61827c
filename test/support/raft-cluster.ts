// SPDX-License-Identifier: Apache-2.0
// A cluster of the Raft core whose network delivers at once and in order, unless the test cuts it, holds it up or
// loses something. After each step the promises of Raft are checked over all nodes.
import assert from 'node:assert/strict';
import {
  type AnyConfChange,
  type ConfChangeTransition,
  type ConfState,
  type Message,
  type NodeId,
  type Refusal,
} from '../../src/raft/index.ts';
import { parseChanges } from './raft-change-words.ts';
import { EMPTY_SNAPSHOT, outbound, RaftMember, type RaftSettings } from './raft-member.ts';
import { NOBODY } from './raft-memory-storage.ts';
import { logOf, RaftSafety } from './raft-safety.ts';

export interface ClusterOptions {
  readonly voters: readonly NodeId[];
  readonly learners?: readonly NodeId[];
  readonly settings?: RaftSettings;
  /** The terms of the entries that a node begins with. */
  readonly logs?: Readonly<Record<NodeId, readonly number[]>>;
  /** The term that all have reached; without it, that of a node's last entry. */
  readonly term?: number;
}

const ELECTION_TICK = 10;

export class RaftCluster {
  readonly members = new Map<NodeId, RaftMember>();
  /** Messages that are held up, in the order in which they were sent. */
  held: Message[] = [];
  readonly #settings: RaftSettings;
  readonly #confState: ConfState;
  readonly #safety = new RaftSafety();
  readonly #down = new Set<NodeId>();
  #cut: (from: NodeId, to: NodeId) => boolean = () => false;
  #lose: (message: Message) => boolean = () => false;
  #hold: (message: Message) => boolean = () => false;
  readonly #network: Message[] = [];

  constructor({ voters, learners = [], settings = {}, logs = {}, term = 0 }: ClusterOptions) {
    this.#settings = settings;
    this.#confState = { ...NOBODY, voters, learners };
    for (const id of [...voters, ...learners]) {
      this.add(id);
      this.#preload(this.member(id), logs[id] ?? [], term);
    }
  }

  /** A new node, which knows of the cluster as it began. */
  add(id: NodeId): RaftMember {
    // All draw different timeouts, the node with the lowest id the shortest one.
    const random = (limit: number) => Math.min(2 * (id - 1), limit - 1);
    const settings: RaftSettings = { electionTick: ELECTION_TICK, random, ...this.#settings };
    const snapshot = {
      ...EMPTY_SNAPSHOT,
      metadata: { ...EMPTY_SNAPSHOT.metadata, confState: this.#confState },
    };
    const member = new RaftMember(id, settings, snapshot);
    this.members.set(id, member);
    return member;
  }

  member(id: NodeId): RaftMember {
    const member = this.members.get(id);
    assert.ok(member !== undefined, `there is a node ${id}`);
    return member;
  }

  /** A node is asked to stand for election, and everything happens that follows from it. */
  campaign(id: NodeId): this {
    this.member(id).node.campaign();
    return this.settle();
  }

  /** A node stands for election and wins. */
  elect(id: NodeId): this {
    this.campaign(id);
    assert.equal(this.state(id), 'StateLeader', `node ${id} leads`);
    return this;
  }

  propose(id: NodeId, text: string): Refusal | undefined {
    const refusal = this.member(id).node.propose(Buffer.from(text));
    this.settle();
    return refusal;
  }

  /**
   * Proposes changes as words: `v4` adds a voter, `l4` a learner, `r4` removes. No words leave a joint configuration.
   */
  change(id: NodeId, words: string, transition: ConfChangeTransition = 'ConfChangeTransitionAuto'): this {
    this.member(id).node.proposeConfChange(changeOf(words, transition));
    return this.settle();
  }

  /** Time passes for all nodes that are up, or for these. */
  tick(count: number, ids: readonly NodeId[] = [...this.members.keys()]): this {
    for (let ticks = 0; ticks < count; ticks += 1) {
      for (const id of ids) {
        if (!this.#down.has(id)) {
          this.member(id).node.tick();
        }
      }
      this.settle();
    }
    return this;
  }

  /** Time passes until a new leader must have been found. */
  tickUntilElected(): this {
    return this.tick(3 * ELECTION_TICK);
  }

  /** Nothing reaches these nodes from the others, nor the others from them. */
  partition(...ids: readonly NodeId[]): this {
    this.#cut = (from, to) => ids.includes(from) !== ids.includes(to);
    return this;
  }

  /** What this condition is true for gets lost. */
  lose(condition: (message: Message) => boolean): this {
    this.#lose = condition;
    return this;
  }

  /** What this condition is true for is held up until `release`. */
  hold(condition: (message: Message) => boolean): this {
    this.#hold = condition;
    return this;
  }

  /** The network is whole again. What was lost stays lost, what is held up stays held up. */
  heal(): this {
    this.#cut = () => false;
    this.#lose = () => false;
    this.#hold = () => false;
    return this;
  }

  /** What was held up arrives, in the given order. */
  release(order: (messages: readonly Message[]) => readonly Message[] = (messages) => messages): this {
    this.#hold = () => false;
    this.#network.push(...order(this.held.splice(0)));
    return this.settle();
  }

  crash(id: NodeId): this {
    this.#down.add(id);
    return this;
  }

  restart(id: NodeId, settings: RaftSettings = {}): this {
    this.#down.delete(id);
    if ((settings.recoveringTerm ?? 0) !== 0) {
      this.#safety.forget(id);
    }
    this.member(id).restart(settings);
    return this.settle();
  }

  /** A message arrives, from wherever it comes. */
  deliver(message: Message): this {
    this.#network.push(message);
    return this.settle();
  }

  /** Everything happens that can happen without time passing. */
  settle(): this {
    do {
      for (const member of this.members.values()) {
        this.#work(member);
      }
      const message = this.#network.shift();
      if (message !== undefined) {
        this.#pass(message);
      }
    } while (this.#network.length > 0 || [...this.members.values()].some((member) => this.#canWork(member)));
    return this;
  }

  /** The only leader of the latest term; `undefined` if it has none. */
  get leader(): NodeId | undefined {
    const up = [...this.members.values()].filter(({ id }) => !this.#down.has(id));
    const term = Math.max(...up.map(({ raft }) => raft.term));
    return up.find(({ raft }) => raft.term === term && raft.state === 'StateLeader')?.id;
  }

  state(id: NodeId): string {
    return this.member(id).raft.state;
  }

  term(id: NodeId): number {
    return this.member(id).raft.term;
  }

  committed(id: NodeId): number {
    return this.member(id).raft.log.committed;
  }

  /** The terms of a node's entries: its log in one line. */
  terms(id: NodeId): string {
    return logOf(this.member(id))
      .map(({ term }) => term)
      .join(' ');
  }

  /** What a node's state machine has applied, in a row. */
  applied(id: NodeId): string {
    return this.member(id).state.data.toString();
  }

  /** Gives a node entries of these terms, as if it had got them in its earlier life. */
  #preload(member: RaftMember, terms: readonly number[], term: number): void {
    member.storage.append(
      terms.map((entryTerm, place) => ({
        index: place + 1,
        term: entryTerm,
        type: 'EntryNormal',
        data: Buffer.from(`${entryTerm}/${place + 1} `),
      })),
    );
    member.storage.setHardState({ term: Math.max(term, terms.at(-1) ?? 0), vote: 0, commit: 0 });
    member.restart();
  }

  #canWork(member: RaftMember): boolean {
    return !this.#down.has(member.id) && member.node.hasReady();
  }

  #work(member: RaftMember): void {
    while (this.#canWork(member)) {
      this.#network.push(...outbound(member.handleReady()));
      for (const work of [member.processAppend(), member.processApply()]) {
        for (const response of work?.responses ?? []) {
          if (response.to === member.id) {
            member.node.step(response);
          } else {
            this.#network.push(response);
          }
        }
      }
      this.#safety.observe([member]);
    }
  }

  #pass(message: Message): void {
    const { from, to } = message;
    if (this.#lose(message) || this.#down.has(to) || this.#cut(from, to) || !this.members.has(to)) {
      return;
    }
    if (this.#hold(message)) {
      this.held.push(message);
      return;
    }
    const member = this.member(to);
    member.node.step(message);
    this.#safety.observe([member]);
  }
}

/** A cluster whose leader is node 1, and nodes that are up but not members. */
export function leadingCluster(
  voters: readonly NodeId[],
  strangers: readonly NodeId[] = [],
  settings = {},
): RaftCluster {
  const cluster = new RaftCluster({ voters, settings: { stepDownOnRemoval: true, ...settings } });
  for (const id of strangers) {
    cluster.add(id);
  }
  return cluster.elect(1);
}

/** The change that such words stand for: `v4 l5 r1`. */
export function changeOf(
  words: string,
  transition: ConfChangeTransition = 'ConfChangeTransitionAuto',
): AnyConfChange {
  return { kind: 'v2', transition, changes: parseChanges(words), context: Buffer.alloc(0) };
}
