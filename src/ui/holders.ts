// SPDX-License-Identifier: Apache-2.0
// Who holds which secret, counted and put in order.
import type { LedgerEntry } from '../control/index.ts';

export interface Holding {
  readonly holders: number;
  /** Of them: those with another version than the current one, or of a secret that was removed. */
  readonly stale: number;
  /** Of them: those of whose version nothing is known. */
  readonly unknown: number;
}

const NONE: Holding = { holders: 0, stale: 0, unknown: 0 };

export function isStale({ state }: LedgerEntry): boolean {
  return state === 'stale' || state === 'removed';
}

/** By the name of the secret. */
export function holdings(entries: readonly LedgerEntry[]): (secret: string) => Holding {
  const counts = new Map<string, Holding>();
  for (const entry of entries) {
    const { holders, stale, unknown } = counts.get(entry.secret) ?? NONE;
    counts.set(entry.secret, {
      holders: holders + 1,
      stale: stale + (isStale(entry) ? 1 : 0),
      unknown: unknown + (entry.state === 'unknown' ? 1 : 0),
    });
  }
  return (secret) => counts.get(secret) ?? NONE;
}

/** The service of a task, or the container; a name that no service has for one that is not known. */
export function userOf({ container, service }: LedgerEntry): { readonly id: string; readonly name: string } {
  if (container !== undefined) {
    return { id: container.id, name: `container ${container.name}` };
  }
  if (service === undefined) {
    return { id: '', name: 'unknown service' };
  }
  return { id: service.id, name: service.name === '' ? service.id : service.name };
}

export function nodeOf({ node }: LedgerEntry): string {
  return node.hostname === '' ? node.id : node.hostname;
}

const RANK = { removed: 0, stale: 1, unknown: 2, current: 3 } as const;
const { compare } = new Intl.Collator('en', { numeric: true });

/** Those that want attention first, then by service and node. */
export function inOrder(entries: readonly LedgerEntry[]): readonly LedgerEntry[] {
  return entries.toSorted(
    (one, other) =>
      RANK[one.state] - RANK[other.state] ||
      compare(userOf(one).name, userOf(other).name) ||
      compare(nodeOf(one), nodeOf(other)) ||
      compare(one.task ?? '', other.task ?? ''),
  );
}
