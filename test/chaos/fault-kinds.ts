// SPDX-License-Identifier: Apache-2.0
// What can be made to go wrong, and whom it meets.

export const FAULT_KINDS = [
  'kill-plugin',
  'pause-plugin',
  'upgrade-plugin',
  'restart-engine',
  'kill-engine',
  'power-off',
  'blackout',
  'partition',
  'one-way',
  'slow-network',
  'slow-disk',
  'hang-disk',
  'full-disk',
  'clock',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

/** Meets all engines, and so comes alone. */
export function meetsAll(kind: FaultKind): boolean {
  return kind === 'blackout';
}

/** An engine by its number, or whoever leads when the fault comes. */
export const TARGETS = ['coffer leader', 'swarm leader', 1, 2, 3] as const;

export type Target = (typeof TARGETS)[number];

export function isFaultKind(word: string): word is FaultKind {
  return FAULT_KINDS.some((kind) => kind === word);
}
