// SPDX-License-Identifier: Apache-2.0
// What a leader does with entries that it is asked to append.
import { CofferError, invariant } from '../common/index.ts';
import { changedConfiguration } from './configuration.ts';
import { decodeConfChange } from './confchange/index.ts';
import type { Raft } from './raft.ts';
import type { Refusal } from './refusal.ts';
import { broadcastAppend } from './replication.ts';
import { type AnyConfChange, type Entry, NONE } from './types.ts';

/**
 * Appends the entries and sends them to all; or drops them all. A conf change whose time has not come is made an
 * empty entry.
 */
export function proposeAsLeader(raft: Raft, entries: readonly Entry[]): Refusal | undefined {
  invariant(entries.length > 0, 'a proposal has entries');
  if (raft.ownProgress === undefined || raft.leadTransferee !== NONE) {
    return 'proposal-dropped';
  }
  const first = raft.log.lastIndex() + 1;
  const accepted: Entry[] = [];
  for (const [offset, entry] of entries.entries()) {
    if (entry.type === 'EntryNormal') {
      accepted.push(entry);
      continue;
    }
    const verdict = judgeConfChange(raft, entry);
    if (verdict === 'unreadable') {
      return 'proposal-dropped';
    }
    if (verdict === 'accepted') {
      accepted.push(entry);
      raft.pendingConfIndex = first + offset;
    } else {
      raft.trace?.(`makes a conf change an empty entry: ${verdict}`);
      accepted.push({ index: 0, term: 0, type: 'EntryNormal', data: Buffer.alloc(0) });
    }
  }
  if (!raft.appendEntries(accepted)) {
    return 'proposal-dropped';
  }
  broadcastAppend(raft);
  return undefined;
}

type Verdict =
  | 'accepted'
  | 'unreadable'
  | 'another one may not be applied yet'
  | 'it does not follow on the present configuration';

/**
 * At most one conf change may be in the log and not applied, so that the voters change by one step at a time. Then the
 * configuration that the change will meet is the present one, and the leader can try it: a change that nobody can put
 * into effect must not be committed, since every node would stop at it.
 */
function judgeConfChange(raft: Raft, { type, data }: Entry): Verdict {
  let change: AnyConfChange;
  try {
    change = decodeConfChange(type, data);
  } catch (error) {
    // A peer may have sent it.
    if (error instanceof CofferError && error.code === 'request.invalid') {
      return 'unreadable';
    }
    throw error;
  }
  if (raft.config.disableConfChangeValidation) {
    return 'accepted';
  }
  if (raft.pendingConfIndex > raft.log.applied) {
    return 'another one may not be applied yet';
  }
  return leadsSomewhere(raft, change) ? 'accepted' : 'it does not follow on the present configuration';
}

function leadsSomewhere(raft: Raft, change: AnyConfChange): boolean {
  try {
    changedConfiguration(raft, change);
    return true;
  } catch (error) {
    if (error instanceof CofferError && error.code === 'internal.invariant') {
      return false;
    }
    throw error;
  }
}
