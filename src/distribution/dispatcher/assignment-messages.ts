// SPDX-License-Identifier: Apache-2.0
import { CHANGES_BYTES_MAX, changeSize_bytes, encodeUnended, type UnendedMessage } from '../message-codec.ts';
import type { Change } from '../protocol.ts';

export interface AssignmentFrame {
  readonly session: string;
  /** Of the first message. */
  readonly sequence: number;
  /** Of a session's first assignment, which is sent also if it says that there is nothing. */
  readonly complete: boolean;
}

export interface AssignmentMessage extends UnendedMessage {
  /** Whether another one follows. */
  readonly more: boolean;
}

/**
 * The changes as messages, one at a time and each as full as it can be. The values are wiped as soon as they are in one; the payloads
 * are the caller's.
 */
export function* assignmentMessages(
  changes: Iterable<Change>,
  frame: AssignmentFrame,
): Generator<AssignmentMessage, void> {
  let { sequence } = frame;
  let part: Change[] = [];
  let size_bytes = 0;
  const finish = (more: boolean): AssignmentMessage => {
    const unended = encodeUnended({ kind: 'assignment', ...frame, sequence, more, changes: part });
    wipeValues(part);
    sequence += 1;
    part = [];
    size_bytes = 0;
    return { ...unended, more };
  };
  try {
    for (const change of changes) {
      const change_bytes = changeSize_bytes(change);
      const full = part.length > 0 && size_bytes + change_bytes > CHANGES_BYTES_MAX;
      const message = full ? finish(true) : undefined;
      part.push(change);
      size_bytes += change_bytes;
      if (message !== undefined) {
        yield message;
      }
    }
    if (part.length > 0 || frame.complete) {
      yield finish(false);
    }
  } finally {
    wipeValues(part);
  }
}

function wipeValues(changes: readonly Change[]): void {
  for (const change of changes) {
    if (change.kind === 'put-secret') {
      change.value.fill(0);
    }
  }
}
