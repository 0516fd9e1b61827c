// SPDX-License-Identifier: Apache-2.0
// The kinds of trouble that a simulated cluster can get into.

/** Each comes by itself, again and again, in the seeds in which it is switched on. */
export const FAULT_KINDS = [
  /** A process is killed; what it gave to the system stays. */
  'kill',
  /** A process is asked to stop, as for an upgrade. */
  'stop',
  /** A machine loses power; what was not synced may be lost. */
  'power-cut',
  /** All machines lose power at once. */
  'blackout',
  /** A process stands still. */
  'pause',
  /** Two groups of nodes do not hear each other. */
  'partition',
  /** Nobody hears the leader, or the leader hears nobody, or both. */
  'isolate-leader',
  /** One direction of one link is cut. */
  'cut-link',
  /** Links of a node are clogged one by one, and freed in another order. */
  'swizzle-clog',
  'slow-link',
  /** Many messages are lost for a while. */
  'storm',
  'slow-disk',
  /** A disk does nothing for a while, and gives no error. */
  'hang-disk',
  /** A disk has no room for more, and the store knows it. */
  'full-disk',
  /** A write or a sync fails. */
  'disk-error',
  /** A clock runs at another rate, or is ahead all at once. */
  'clock',
  /** The leader is asked to hand over. */
  'transfer',
  /** Members come and go. */
  'membership',
  /** A record of a database is not what was written. */
  'rot',
  /** An old image of a database is put back. */
  'rollback',
  /** A snapshot's connection breaks off. */
  'cut-stream',
  /** A node seals all that it has under a new data key. */
  'rotate-key',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

export function isFaultKind(word: string): word is FaultKind {
  return FAULT_KINDS.some((kind) => kind === word);
}
