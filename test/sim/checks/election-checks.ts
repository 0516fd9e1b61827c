// SPDX-License-Identifier: Apache-2.0
// Who leads, and by whose votes.
import type { ConfState, NodeId, PeerMessage, Status } from '../../../src/raft/index.ts';
import type { CheckedNode, CheckOptions } from './cluster-checks.ts';
import { holds } from './disk-model.ts';

export class ElectionChecks {
  readonly #options: CheckOptions;
  readonly #leaders = new Map<number, NodeId>();
  /** Whom a node voted for, by term and node. */
  readonly #votes = new Map<string, NodeId>();
  /** Who was promised a vote, by term and candidate. */
  readonly #granted = new Map<string, Set<NodeId>>();

  constructor(options: CheckOptions) {
    this.#options = options;
  }

  sent(message: PeerMessage): void {
    const { from, to, term, type } = message;
    if (type === 'MsgVoteResp' && !message.reject) {
      this.#grant(from, to, term);
    }
    if (type === 'MsgApp' || type === 'MsgHeartbeat' || type === 'MsgSnap' || type === 'MsgTimeoutNow') {
      this.#leads(from, term);
    }
  }

  /** A node says that it leads, for the first time in this term. */
  elected(node: CheckedNode, status: Status, confState: ConfState): void {
    const { registry, violations } = this.#options;
    this.#leads(node.id, status.term);
    this.#grant(node.id, node.id, status.term);
    const voted = this.#granted.get(`${status.term} ${node.id}`) ?? new Set();
    for (const voters of [confState.voters, confState.votersOutgoing]) {
      const count = voters.filter((id) => voted.has(id)).length;
      if (voters.length > 0 && count <= voters.length / 2) {
        violations.report(
          'election quorum',
          `${node.name} leads term ${status.term} by ${count} votes of the voters ${voters.join(' ')}`,
        );
      }
    }
    const committed = registry.committedBefore(status.term);
    if (committed !== undefined && !holds(node.model, committed.index, committed.term)) {
      violations.report(
        'leader completeness',
        `${node.name} leads term ${status.term} without entry ${committed.index} of term ${committed.term}, which is committed`,
      );
    }
  }

  #leads(id: NodeId, term: number): void {
    const known = this.#leaders.get(term);
    if (known === undefined) {
      this.#leaders.set(term, id);
    } else if (known !== id) {
      this.#options.violations.report('election safety', `both ${known} and ${id} lead term ${term}`);
    }
  }

  #grant(from: NodeId, to: NodeId, term: number): void {
    const { nodeOf, violations } = this.#options;
    const key = `${term} ${from}`;
    const before = this.#votes.get(key);
    if (before !== undefined && before !== to) {
      violations.report('one vote', `node ${from} voted for ${before} and for ${to} in term ${term}`);
    }
    if (nodeOf(from)?.wounded === true) {
      violations.report('a recovering node does not vote', `node ${from} voted for ${to} in term ${term}`);
    }
    this.#votes.set(key, to);
    const granted = this.#granted.get(`${term} ${to}`) ?? new Set<NodeId>();
    this.#granted.set(`${term} ${to}`, granted.add(from));
  }
}
