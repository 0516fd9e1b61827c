// SPDX-License-Identifier: Apache-2.0
// How far the managers are with a purge, on standard error, and what is said of it when it ends.
import type { PurgeDescription } from '../control/index.ts';
import type { ClusterClient } from './cluster-client.ts';
import { CommandError, EXIT } from './command-error.ts';
import { ProgressLine } from './rotation-progress.ts';
import type { Session } from './session.ts';

type Manager = PurgeDescription['managers'][number];

const INTERVAL_MS = 500;
/** An hour: the managers go on by themselves. */
const LOOKS_MAX = 7_200;
/** Half a minute: the daemon may be restarted, or the cluster choose a leader, meanwhile. */
const FAILURES_MAX = 60;
/** A manager counts as down only when it was seen so this often, one after the other: it may be starting. */
const DOWN_LOOKS = 10;

/** What a purge does, and what it does not: for helps and for whoever has asked for one. */
export const PURGE_LIMITS =
  'Not purged: blocks that a disk or a file system keeps of deleted files, backups that hold the value, and what ' +
  'containers were given.';

/** `2 of 3 managers have purged their disks`. */
function purgeText({ managers }: PurgeDescription): string {
  const done = managers.filter((manager) => manager.done).length;
  const what = managers.length === 1 ? 'manager has purged its disk' : 'managers have purged their disks';
  return `${done} of ${managers.length} ${what}`;
}

/** Shows a purge until all managers that are up have carried it out. Resolves with how it stands then. */
export async function followPurge(
  session: Session,
  cluster: ClusterClient,
  begun: PurgeDescription,
): Promise<PurgeDescription> {
  const progress = new ProgressLine(session);
  const stay = session.io.whenEnded(() => session.complain('the purge goes on by itself on all managers'));
  let description = begun;
  let failures = 0;
  let downLooks = 0;
  try {
    for (let look = 0; look < LOOKS_MAX && awaited(description, downLooks).length > 0; look += 1) {
      progress.show(purgeText(description));
      await session.io.pause(INTERVAL_MS);
      try {
        description = await cluster.purgeProgress();
        failures = 0;
        downLooks = description.managers.some(isDown) ? downLooks + 1 : 0;
      } catch (thrown) {
        failures += 1;
        if (!(thrown instanceof CommandError) || failures > FAILURES_MAX) {
          throw thrown;
        }
      }
    }
    progress.show(purgeText(description));
  } finally {
    progress.end();
    stay();
  }
  return description;
}

/** Says what is done, which managers are still to do it, and what no purge does. */
export function tellPurge(session: Session, description: PurgeDescription): void {
  const waiting = description.managers.filter(({ done }) => !done);
  for (const { hostname, status } of waiting) {
    session.warn(
      status === 'down'
        ? `${hostname} is down; it purges its disk at its next start`
        : `${hostname} has not purged its disk yet; it goes on by itself`,
    );
  }
  if (waiting.length === 0) {
    session.print('No file of coffer on any manager opens what was removed.');
  }
  session.print(PURGE_LIMITS);
}

/** Ends the command with 2 while managers are still to carry it out, in whatever form that is told. */
export function endAsPurged(session: Session, { managers }: PurgeDescription): void {
  if (managers.some(({ done }) => !done)) {
    session.endWith(EXIT.failed);
  }
}

function awaited({ managers }: PurgeDescription, downLooks: number): readonly Manager[] {
  return managers.filter((manager) => !manager.done && !(isDown(manager) && downLooks >= DOWN_LOOKS));
}

function isDown({ status }: Manager): boolean {
  return status === 'down';
}
