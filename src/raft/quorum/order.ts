// SPDX-License-Identifier: Apache-2.0
// The one order in which Raft visits nodes and sorts indexes.

/** Compares numbers by size; without it, `sort` compares their digits as text, and 10 comes before 9. */
export function ascending(a: number, b: number): number {
  return a - b;
}
