// SPDX-License-Identifier: Apache-2.0
// What an engine understands of a call that lists tasks.

/** The states of tasks as swarmkit has them. `allocated`, which Docker's API names too, is none of them. */
const KNOWN_STATES: ReadonlySet<string> = new Set([
  'new',
  'pending',
  'assigned',
  'accepted',
  'preparing',
  'ready',
  'starting',
  'running',
  'complete',
  'shutdown',
  'failed',
  'rejected',
  'remove',
  'orphaned',
]);

/** The words with which an engine refuses such a call, with status 500; undefined if it would answer it. */
export function taskFilterRefusal(url: URL): string | undefined {
  const filters = JSON.parse(url.searchParams.get('filters') ?? '{}') as Readonly<Record<string, unknown>>;
  const wanted = filters['desired-state'] ?? [];
  const states = Array.isArray(wanted) ? wanted.map(String) : Object.keys(wanted);
  const unknown = states.find((state) => !KNOWN_STATES.has(state));
  return unknown === undefined ? undefined : `Invalid desired-state filter: '${unknown}'`;
}
