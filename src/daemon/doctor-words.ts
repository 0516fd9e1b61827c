// SPDX-License-Identifier: Apache-2.0

const NAMES_SHOWN_MAX = 5;

/** The first names, and how many more there are. */
export function shortList(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN_MAX).join(', ');
  return names.length > NAMES_SHOWN_MAX ? `${shown} and ${names.length - NAMES_SHOWN_MAX} more` : shown;
}
