// SPDX-License-Identifier: Apache-2.0
import type { LogLimits } from '../../storage/index.ts';

/** How a replica keeps time, and what bounds it. Nodes of one cluster should have the same. */
export interface ReplicaSettings {
  /** The length of a tick. 10 to 1,000. */
  readonly tick_ms: number;
  /** Ticks between two heartbeats of a leader. At least 1. */
  readonly heartbeatTicks: number;
  /** Ticks without a leader before a node stands for election, and as many again at random. More than heartbeatTicks. */
  readonly electionTicks: number;
  /** The size of one append message; a larger entry travels alone. */
  readonly appendBytesMax: number;
  /** Appends on their way to one follower: a deep pipeline only makes each commit later. */
  readonly inflightAppendsMax: number;
  readonly inflightBytesMax: number;
  /** What a leader takes into its log before a quorum has it. */
  readonly uncommittedBytesMax: number;
  /** A start with more secrets than this serves before it has read them all. */
  readonly secretsReadFirstMax: number;
  /** When the log is compacted. */
  readonly logLimits: LogLimits;
  /** A write that takes longer costs a leader its leadership. */
  readonly diskStall_ms: number;
  /** A write that takes longer ends the process. */
  readonly diskHang_ms: number;
}

const MIB = 1024 * 1024;

/** A leader that is lost has a successor within two seconds: an election starts after 0.6 to 1.2 s. */
export const DEFAULT_SETTINGS: ReplicaSettings = {
  tick_ms: 50,
  heartbeatTicks: 2,
  electionTicks: 12,
  appendBytesMax: MIB,
  inflightAppendsMax: 16,
  inflightBytesMax: 8 * MIB,
  uncommittedBytesMax: 64 * MIB,
  // A quarter of a second.
  secretsReadFirstMax: 25_000,
  // Ten thousand small changes or 64 MiB, whichever comes first: under a second to verify at a start.
  logLimits: { entriesMax: 10_000, bytesMax: 64 * MIB },
  diskStall_ms: 1_000,
  diskHang_ms: 30_000,
};
