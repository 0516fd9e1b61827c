// SPDX-License-Identifier: Apache-2.0
// What an engine's description of a service says of the update that was asked of it: pure, so that a test reads it as a table.
import type { RollingService, RollingTask, ServiceUpdateState } from '../engine/index.ts';
import type { RotationMark } from '../membership/index.ts';

/**
 * `ask`: the update is still to be asked for, as it was written down. `mark`: what was written down is of an older state of the
 * service, and is to be written down anew.
 */
export type Judgement =
  | { readonly kind: 'ask' }
  | { readonly kind: 'mark' }
  | { readonly kind: 'wait'; readonly text: string }
  | { readonly kind: 'converged' }
  | { readonly kind: 'failed'; readonly why: string };

const STUCK: Readonly<Partial<Record<ServiceUpdateState, string>>> = {
  paused: 'its update is paused',
  rollback_started: 'the engine rolls its update back',
  rollback_paused: 'the engine has paused its rollback',
  rollback_completed: 'the engine has rolled its update back',
};

/** What is to be asked for, of a service as it is now. */
export function markOf({ forceUpdate, update, versionIndex }: RollingService): RotationMark {
  return { forceUpdate: forceUpdate + 1, versionIndex, updateStartedAt: update?.startedAt ?? '' };
}

/** How far the update is that `mark` asked for. */
export function judge(service: RollingService, tasks: readonly RollingTask[], mark: RotationMark): Judgement {
  const { forceUpdate, update, versionIndex } = service;
  const stuck = update === undefined ? undefined : STUCK[update.state];
  if (forceUpdate < mark.forceUpdate) {
    if (versionIndex === mark.versionIndex) {
      return { kind: 'ask' };
    }
    // The engine puts the spec of before back when it rolls back; whoever else updates the service clears what is said of updates.
    const isOfOurs = stuck !== undefined && update?.startedAt !== mark.updateStartedAt;
    return isOfOurs ? failure(stuck, tasks, mark) : { kind: 'mark' };
  }
  return stuck === undefined ? progress(service, tasks, mark) : failure(stuck, tasks, mark);
}

/** Of a service that was waited for too long. */
export function lateness(tasks: readonly RollingTask[], mark: RotationMark, waited: string): string {
  const { why } = failure(`its tasks did not all run with it after ${waited}`, tasks, mark);
  return why;
}

function progress(
  { replicas, update }: RollingService,
  tasks: readonly RollingTask[],
  mark: RotationMark,
): Judgement {
  const wanted = tasks.filter(({ isWanted }) => isWanted);
  const replaced = wanted.filter(
    ({ forceUpdate, isRunning }) => isRunning && forceUpdate >= mark.forceUpdate,
  );
  const count = Math.max(replicas ?? 0, wanted.length);
  const isSettled = update === undefined || update.state === 'completed';
  return isSettled && replaced.length === wanted.length && replaced.length >= (replicas ?? 0)
    ? { kind: 'converged' }
    : { kind: 'wait', text: `${replaced.length} of ${count} tasks` };
}

/** With what the newest of its failed tasks says. */
function failure(
  what: string,
  tasks: readonly RollingTask[],
  mark: RotationMark,
): Extract<Judgement, { kind: 'failed' }> {
  const [newest] = tasks
    .filter(({ error, forceUpdate }) => error !== '' && forceUpdate >= mark.forceUpdate)
    .toSorted((a, b) => b.changedAt_ms - a.changedAt_ms);
  return { kind: 'failed', why: newest === undefined ? what : `${what}: ${newest.error}` };
}
