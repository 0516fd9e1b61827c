// SPDX-License-Identifier: Apache-2.0
// What follows when the state machine has applied something.
import { encodeConfChange } from './confchange/index.ts';
import { entriesSize, payloadsSize } from './entry-size.ts';
import { proposeAsLeader } from './proposals.ts';
import type { Raft } from './raft.ts';
import type { Entry, Snapshot } from './types.ts';

/** The state machine has applied these entries. */
export function appliedEntries(raft: Raft, entries: readonly Entry[]): void {
  const last = entries.at(-1);
  if (last === undefined) {
    return;
  }
  appliedTo(raft, last.index, entriesSize(entries));
  raft.uncommittedBytes = Math.max(0, raft.uncommittedBytes - payloadsSize(entries));
}

/** The snapshot is durable, and the state machine has taken it over. */
export function appliedSnapshot(raft: Raft, { metadata: { index } }: Snapshot): void {
  raft.log.unstable.stableSnapTo(index);
  appliedTo(raft, index, 0);
}

function appliedTo(raft: Raft, index: number, bytes: number): void {
  // The answer for a snapshot may come after that for entries beyond it.
  const applied = Math.max(index, raft.log.applied);
  raft.log.appliedTo(applied, bytes);
  maybeLeaveJoint(raft);
}

/** A leader that has applied a joint configuration proposes to leave it, if it is to be left by itself. */
export function maybeLeaveJoint(raft: Raft): void {
  const { autoLeave } = raft.tracker.config;
  if (autoLeave && raft.log.applied >= raft.pendingConfIndex && raft.state === 'StateLeader') {
    // A handover may be the reason to drop it. Then it is tried again when something is applied or the handover has
    // failed, or the next leader does it.
    proposeAsLeader(raft, [{ index: 0, term: 0, type: 'EntryConfChangeV2', data: LEAVE_JOINT }]);
  }
}

/** It has no bytes, so that no limit refuses it. */
const LEAVE_JOINT = encodeConfChange({
  kind: 'v2',
  transition: 'ConfChangeTransitionAuto',
  changes: [],
  context: Buffer.alloc(0),
});
