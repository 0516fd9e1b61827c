// SPDX-License-Identifier: Apache-2.0
// How large a message between nodes, and each part of it, may be.

/** The largest that each part of a message may be. Numbers are inclusive. */
export interface MessageLimits {
  /** The whole message, as it is encoded. */
  readonly message_bytes: number;
  /** Entries of one message. */
  readonly entries: number;
  /** The data of one entry. */
  readonly entryData_bytes: number;
  /** The context of a vote, a heartbeat or a read. */
  readonly context_bytes: number;
  /** What a snapshot's message says of the stream beside it. */
  readonly snapshotData_bytes: number;
  /** Nodes in each of the four lists of a configuration. */
  readonly confStateIds: number;
}

/**
 * The limits of this version, at both ends. Each is beyond anything that a sound node sends, so that a limit is only ever
 * met by a bug or by an attacker; a sender that would exceed one stops (`internal.invariant`) and sends nothing.
 *
 * - The largest command is one with 512 KiB of labels, all of them short: with their lengths it has 2.4 MiB.
 * - A leader that sends up to 1 MiB of entries at a time, by `entrySize`, sends no more than 49,932 of them.
 */
export const MESSAGE_LIMITS: MessageLimits = {
  message_bytes: 16 * 1024 * 1024,
  entries: 65_536,
  entryData_bytes: 4 * 1024 * 1024,
  context_bytes: 4 * 1024,
  snapshotData_bytes: 4 * 1024,
  confStateIds: 1_000,
};
