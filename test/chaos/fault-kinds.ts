// SPDX-License-Identifier: Apache-2.0
// What can be made to go wrong, and which of it can be at the same time.

export const FAULT_KINDS = ['kill-plugin', 'pause-plugin', 'partition'] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

/** Whom a fault meets: an engine by its number, or whoever leads when it comes. */
export const TARGETS = ['coffer leader', 'swarm leader', 1, 2, 3] as const;

export type Target = (typeof TARGETS)[number];

export function isFaultKind(word: string): word is FaultKind {
  return FAULT_KINDS.some((kind) => kind === word);
}
