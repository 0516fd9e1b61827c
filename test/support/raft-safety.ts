// SPDX-License-Identifier: Apache-2.0
// The properties that Raft promises at all times (paper, figure 3), checked over all nodes of a test at once.
import assert from 'node:assert/strict';
import { type Entry, type NodeId, quoted } from '../../src/raft/index.ts';
import type { RaftMember } from './raft-member.ts';

/** Remembers what it has seen, so that a property that held once cannot be broken later unnoticed. */
export class RaftSafety {
  readonly #leaders = new Map<number, NodeId>();
  /** By index and term: what an entry is, and the term of the one before. */
  readonly #entries = new Map<string, string>();
  readonly #committed = new Map<number, Entry>();
  readonly #commitIndexes = new Map<NodeId, number>();

  /** Throws if a property does not hold. */
  observe(members: Iterable<RaftMember>): void {
    for (const member of members) {
      this.#checkLeader(member);
      const log = logOf(member);
      this.#checkLogMatching(member, log);
      this.#checkCommitted(member, log);
      this.#checkPointers(member);
    }
  }

  /** A node that starts to recover may have to take back what it knew to be committed. */
  forget(id: NodeId): void {
    this.#commitIndexes.delete(id);
  }

  /** Election safety: at most one leader in a term. Leader completeness: it has all that is committed. */
  #checkLeader({ id, raft }: RaftMember): void {
    if (raft.state !== 'StateLeader') {
      return;
    }
    const leader = this.#leaders.get(raft.term);
    assert.ok(
      leader === undefined || leader === id,
      `term ${raft.term} has two leaders: ${leader} and ${id}`,
    );
    if (leader === undefined) {
      this.#leaders.set(raft.term, id);
      for (const { index, term } of this.#committed.values()) {
        const own = raft.log.term(index);
        assert.ok(own === term || own === 'compacted', `leader ${id} lacks committed entry ${index}`);
      }
    }
  }

  /** Log matching: entries of the same index and term are the same, and so is all before them. */
  #checkLogMatching({ id }: RaftMember, log: readonly Entry[]): void {
    let previous: Entry | undefined;
    for (const entry of log) {
      if (previous !== undefined) {
        const place = `${entry.index}/${entry.term}`;
        const content = `${entry.type} ${quoted(entry.data)} after term ${previous.term}`;
        const seen = this.#entries.get(place);
        assert.ok(seen === undefined || seen === content, `node ${id} at ${place}: ${content}, not ${seen}`);
        this.#entries.set(place, content);
      }
      previous = entry;
    }
  }

  /**
   * State machine safety: an index is committed with one entry for ever, on all nodes; and nobody takes a commit
   * back.
   */
  #checkCommitted({ id, raft }: RaftMember, log: readonly Entry[]): void {
    const { committed } = raft.log;
    assert.ok(committed >= (this.#commitIndexes.get(id) ?? 0), `node ${id} takes back a commit`);
    this.#commitIndexes.set(id, committed);
    for (const entry of log) {
      if (entry.index > committed) {
        return;
      }
      const other = this.#committed.get(entry.index);
      assert.ok(
        other === undefined || (other.term === entry.term && other.data.equals(entry.data)),
        `node ${id} has committed another entry ${entry.index}`,
      );
      this.#committed.set(entry.index, entry);
    }
  }

  #checkPointers({ id, raft: { log, tracker, state } }: RaftMember): void {
    const pointers = [log.firstIndex() - 1, log.applied, log.applying, log.committed, log.lastIndex()];
    if (log.unstable.snapshot === undefined) {
      assert.ok(
        pointers.every((pointer, place) => place === 0 || pointer >= (pointers[place - 1] ?? 0)),
        `the pointers of node ${id} are in order: ${pointers.join(', ')}`,
      );
    }
    if (state === 'StateLeader') {
      tracker.visit((peer, { match, next }) => {
        assert.ok(match < next, `node ${id} sends ${peer} what comes after what it has`);
      });
    }
  }
}

/** All entries that a node has, durable or not. */
export function logOf({ raft: { log } }: RaftMember): readonly Entry[] {
  const first = log.firstIndex();
  const last = log.lastIndex();
  const entries = first > last ? [] : log.slice(first, last + 1, Infinity);
  assert.notEqual(entries, 'compacted');
  return entries as readonly Entry[];
}
