// SPDX-License-Identifier: Apache-2.0
// Whatever counts is durable: each promise when it is made, and each entry on a quorum when it is committed.
import type {
  ConfState,
  MsgAppResp,
  MsgHeartbeat,
  NodeId,
  PeerMessage,
  Status,
} from '../../../src/raft/index.ts';
import type { CheckedNode, CheckOptions } from './cluster-checks.ts';
import { holds } from './disk-model.ts';

interface Acknowledged {
  readonly term: number;
  readonly index: number;
}

/** What a node has told others, or counts on itself as a leader: it must not forget it. */
export interface Promises {
  readonly term: number;
  readonly vote: { readonly term: number; readonly to: NodeId };
  /** How far its log counts. */
  readonly index: number;
}

/** Others act on these as of their term, so the sender must not forget it. */
const SPEAKS_FOR_ITS_TERM: ReadonlySet<PeerMessage['type']> = new Set([
  'MsgApp',
  'MsgAppResp',
  'MsgHeartbeat',
  'MsgSnap',
  'MsgVoteResp',
]);

export class DurabilityChecks {
  readonly #options: CheckOptions;
  /** How far a node has acknowledged the log of the leader of its latest term. */
  readonly #acknowledged = new Map<NodeId, Acknowledged>();
  /** The highest term that a node has answered in. */
  readonly #promisedTerm = new Map<NodeId, number>();

  readonly #votes = new Map<NodeId, Promises['vote']>();

  constructor(options: CheckOptions) {
    this.#options = options;
  }

  promisesOf(id: NodeId): Promises {
    return {
      term: this.#promisedTerm.get(id) ?? 0,
      vote: this.#votes.get(id) ?? { term: 0, to: 0 },
      index: this.#acknowledged.get(id)?.index ?? 0,
    };
  }

  /** A leader counts itself for what its own disk has, and its peers for what they have on theirs. */
  leads(node: CheckedNode, { progress, term }: Status, before: Status): void {
    this.#votes.set(node.id, { term, to: node.id });
    this.#acknowledge(node.id, term, progress.get(node.id)?.match ?? 0);
    for (const [id, { match }] of progress) {
      if (id !== node.id && match > (before.progress.get(id)?.match ?? 0)) {
        this.#matches(node, term, id, match);
      }
    }
  }

  #matches(leader: CheckedNode, term: number, id: NodeId, match: number): void {
    const acknowledged = this.#acknowledged.get(id);
    if (
      acknowledged === undefined ||
      acknowledged.term < term ||
      (acknowledged.term === term && acknowledged.index < match)
    ) {
      this.#report(
        'an acknowledgement counts in its own term',
        `${leader.name} takes node ${id} to match up to ${match} in term ${term}; ` +
          `it has acknowledged ${acknowledged?.index ?? 0} in term ${acknowledged?.term ?? 0}`,
      );
    }
    const member = this.#options.nodeOf(id);
    if (member === undefined || member.wounded || member.lost !== undefined) {
      return;
    }
    const [own, other] = [leader.model.entries.get(match), member.model.entries.get(match)];
    const differs = own !== undefined && other !== undefined && own.digest !== other.digest;
    if (member.model.lastIndex < match || differs) {
      this.#report(
        'what matches is the same',
        `${leader.name} takes ${member.name} to match up to ${match}, whose disk ends at ${member.model.lastIndex}` +
          (differs ? `, with another entry ${match}` : ''),
      );
    }
  }

  opened(node: CheckedNode, status: Status): void {
    const promised = this.#promisedTerm.get(node.id) ?? 0;
    if (status.term < promised) {
      this.#report(
        'monotony',
        `${node.name} starts in term ${status.term}, though it has answered in ${promised}`,
      );
    }
    const vote = this.#votes.get(node.id);
    if (vote?.term === status.term && vote.to !== status.vote) {
      this.#report(
        'one vote',
        `${node.name} starts with vote ${status.vote} in term ${vote.term}, and voted for ${vote.to}`,
      );
    }
    if (node.wounded && status.recoveringTerm === 0) {
      this.#report('recovery', `${node.name} has lost what it had, and does not know it`);
    }
  }

  sent(message: PeerMessage): void {
    const node = this.#options.nodeOf(message.from);
    if (node === undefined) {
      return;
    }
    if (SPEAKS_FOR_ITS_TERM.has(message.type)) {
      this.#termIsDurable(node, message);
    }
    if (message.type === 'MsgAppResp' && !message.reject) {
      this.#acknowledges(node, message);
    } else if (message.type === 'MsgVoteResp' && !message.reject) {
      this.#voted(node, message.to, message.term);
    } else if (message.type === 'MsgHeartbeat') {
      this.#heartbeat(message);
    }
  }

  /**
   * A leader has moved its commit index, under the configuration that it had before, or that it has applied since.
   * An entry of its own term counts, and what comes before it (paper, section 5.4.2).
   */
  committed(node: CheckedNode, { commit, term }: Status, confStates: readonly ConfState[]): void {
    const problems = confStates.map((confState) =>
      [confState.voters, confState.votersOutgoing].find(
        (voters) => voters.length > 0 && this.#holders(voters, commit, term).length <= voters.length / 2,
      ),
    );
    const [voters] = problems;
    if (voters !== undefined && problems.every((problem) => problem !== undefined)) {
      this.#report(
        'committed on a quorum',
        `${node.name} commits entry ${commit} in term ${term}; of the voters ${voters.join(' ')} ` +
          `only ${this.#holders(voters, commit, term).join(' ') || 'none'} have it as an entry of that term`,
      );
    }
  }

  #holders(voters: readonly NodeId[], index: number, term: number): readonly NodeId[] {
    return voters.filter((id) => {
      const voter = this.#options.nodeOf(id);
      // What a recovering node has now must not be counted; what it had once may have been, before it was lost.
      const logs = voter === undefined ? [] : [voter.wounded ? undefined : voter.model, voter.lost];
      return logs.some((log) => log !== undefined && holds(log, index, term));
    });
  }

  removed(
    node: CheckedNode,
    entry: { readonly index: number; readonly term: number; readonly digest: string },
  ): void {
    const committed = this.#options.registry.committedAt(entry.index);
    if (committed?.digest === entry.digest) {
      this.#report(
        'what is committed stays',
        `entry ${entry.index} of term ${entry.term} is committed, and gone from ${node.name}`,
      );
    }
    const acknowledged = this.#acknowledged.get(node.id);
    const sameLeader = acknowledged?.term === node.model.hardState.term;
    if (sameLeader && entry.index <= acknowledged.index) {
      this.#report(
        'what is acknowledged stays',
        `${node.name} acknowledged entry ${entry.index} in term ${acknowledged.term}, and has removed it in that term`,
      );
    }
  }

  #acknowledges(node: CheckedNode, { index, term, to }: MsgAppResp): void {
    // One of an older term than the disk's may be late: the batch that it waited for may have cut off, for the new leader, what it
    // tells of. The new leader was elected without this node's vote, or has the entry; so the old one cannot commit it by this.
    const isLate = term < node.model.hardState.term;
    if (!isLate && node.model.lastIndex < index) {
      this.#report(
        'acknowledged is durable',
        `${node.name} acknowledges entry ${index} to ${to}, and its disk ends at ${node.model.lastIndex}`,
      );
    }
    this.#acknowledge(node.id, term, index);
  }

  #acknowledge(id: NodeId, term: number, index: number): void {
    const before = this.#acknowledged.get(id);
    if (before === undefined || before.term < term || (before.term === term && before.index < index)) {
      this.#acknowledged.set(id, { term, index });
    }
  }

  #voted(node: CheckedNode, to: NodeId, term: number): void {
    this.#votes.set(node.id, { term, to });
    const { hardState } = node.model;
    if (hardState.term < term || (hardState.term === term && hardState.vote !== to)) {
      this.#report(
        'a vote is durable',
        `${node.name} votes for ${to} in term ${term}; its disk has term ${hardState.term}, vote ${hardState.vote}`,
      );
    }
  }

  #heartbeat({ commit, from, term, to }: MsgHeartbeat): void {
    const receiver = this.#options.nodeOf(to);
    if (receiver === undefined || receiver.wounded || receiver.lost !== undefined) {
      return;
    }
    if (receiver.model.lastIndex < commit) {
      this.#report(
        'no commit beyond what matches',
        `the heartbeat of ${from} in term ${term} commits ${commit} on ${receiver.name}, whose disk ends at ${receiver.model.lastIndex}`,
      );
    }
  }

  #termIsDurable(node: CheckedNode, { term, type }: PeerMessage): void {
    const durable = node.model.hardState.term;
    if (durable < term) {
      this.#report(
        'a term is durable',
        `${node.name} sends ${type} in term ${term}; its disk has term ${durable}`,
      );
    }
    this.#promisedTerm.set(node.id, Math.max(term, this.#promisedTerm.get(node.id) ?? 0));
  }

  #report(invariant: string, sentence: string): void {
    this.#options.violations.report(invariant, sentence);
  }
}
