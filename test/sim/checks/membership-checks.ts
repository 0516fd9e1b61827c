// SPDX-License-Identifier: Apache-2.0
// Membership changes follow one another: a leader proposes none while it has not applied the one before (thesis, 4.1).
import type { Entry, PeerMessage } from '../../../src/raft/index.ts';
import type { CheckedNode, CheckOptions } from './cluster-checks.ts';

export class MembershipChecks {
  readonly #options: CheckOptions;
  /** The changes that a leader has proposed, by its term: those whose first messages were seen. */
  readonly #proposed = new Map<number, Set<number>>();

  constructor(options: CheckOptions) {
    this.#options = options;
  }

  /** Called as the message leaves, before anything else can be applied. */
  sent(message: PeerMessage): void {
    if (message.type !== 'MsgApp') {
      return;
    }
    const leader = this.#options.nodeOf(message.from);
    for (const entry of message.entries) {
      if (entry.term === message.term && isChange(entry) && leader !== undefined) {
        this.#seen(leader, entry);
      }
    }
  }

  #seen(leader: CheckedNode, { index, term }: Entry): void {
    const { appliedIndex } = leader;
    const proposed = this.#proposed.get(term) ?? new Set<number>();
    this.#proposed.set(term, proposed);
    if (proposed.has(index)) {
      return;
    }
    const inherited = [...leader.model.entries.values()].filter(
      (entry) => entry.term < term && isChange(entry),
    );
    const before = [...proposed, ...inherited.map((entry) => entry.index)].filter((other) => other < index);
    const pending = before.find((other) => other > appliedIndex);
    if (pending !== undefined) {
      this.#options.violations.report(
        'one membership change at a time',
        `${leader.name} proposes one as entry ${index}; it has applied ${appliedIndex} entries, and not the one at ${pending}`,
      );
    }
    proposed.add(index);
  }
}

function isChange({ type }: Pick<Entry, 'type'>): boolean {
  return type !== 'EntryNormal';
}
