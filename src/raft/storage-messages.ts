// SPDX-License-Identifier: Apache-2.0
// What the core asks of the writer of the log and of the state machine, and what they are to answer.
import type {
  Message,
  MsgStorageAppend,
  MsgStorageAppendResp,
  MsgStorageApply,
  MsgStorageApplyResp,
} from './message.ts';
import type { Raft } from './raft.ts';
import {
  type Entry,
  type HardState,
  LOCAL_APPEND_THREAD,
  LOCAL_APPLY_THREAD,
  type Snapshot,
} from './types.ts';

/** What is to be written. */
export interface Unwritten {
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
  readonly snapshot: Snapshot | undefined;
}

/** The request to write; undefined if there is nothing to write, and nobody waits for what is being written. */
export function storageAppend(raft: Raft, unwritten: Unwritten): MsgStorageAppend | undefined {
  const { hardState, entries, snapshot } = unwritten;
  if (
    hardState === undefined &&
    entries.length === 0 &&
    snapshot === undefined &&
    raft.messagesAfterAppend.length === 0
  ) {
    return undefined;
  }
  const response = storageAppendResponse(raft, snapshot);
  // The answer to the core comes last: the leader's acknowledgement to itself looks up terms, and finds them in
  // memory as long as the entries have not left it.
  const responses: readonly Message[] =
    response === undefined ? raft.messagesAfterAppend : [...raft.messagesAfterAppend, response];
  return {
    type: 'MsgStorageAppend',
    to: LOCAL_APPEND_THREAD,
    from: raft.id,
    term: hardState?.term ?? 0,
    vote: hardState?.vote ?? 0,
    commit: hardState?.commit ?? 0,
    entries,
    snapshot,
    responses,
  };
}

/**
 * What tells the core that everything up to the present end of its log is durable; undefined if all of it was.
 *
 * Entries leave memory by this answer, and then are read from disk. So it must not be taken for true if other entries
 * are still being written over them. Say that a follower is writing entry 5 of term 1, then writes 5 of term 2 over
 * it for another leader, then again 5 of term 1, since the first leader came back with the same log in term 3. When
 * the first write is done, index and term fit what is in memory, and yet the disk will hold term 2 for a while. The
 * answer therefore bears the term in which it was asked for, and is ignored in a later one: within a term there is
 * one leader, and nothing is overwritten.
 *
 * An answer that was ignored must be made up for, or the entries would stay in memory. This is why every request asks
 * for the end of the log as it is, whether or not it has entries of its own: a new term is always written.
 */
export function storageAppendResponse(
  raft: Raft,
  snapshot: Snapshot | undefined,
): MsgStorageAppendResp | undefined {
  const unstable = raft.log.unstable.count > 0;
  if (!unstable && snapshot === undefined) {
    return undefined;
  }
  const last = unstable ? raft.log.lastEntryId() : { term: 0, index: 0 };
  return {
    type: 'MsgStorageAppendResp',
    to: raft.id,
    from: LOCAL_APPEND_THREAD,
    term: raft.term,
    index: last.index,
    logTerm: last.term,
    snapshot,
  };
}

/** The request to apply. What is committed is so in any term, hence term 0. */
export function storageApply(raft: Raft, entries: readonly Entry[]): MsgStorageApply {
  return {
    type: 'MsgStorageApply',
    to: LOCAL_APPLY_THREAD,
    from: raft.id,
    term: 0,
    entries,
    responses: [storageApplyResponse(raft, entries)],
  };
}

export function storageApplyResponse(raft: Raft, entries: readonly Entry[]): MsgStorageApplyResp {
  return { type: 'MsgStorageApplyResp', to: raft.id, from: LOCAL_APPLY_THREAD, term: 0, entries };
}
