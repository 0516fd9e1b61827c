// SPDX-License-Identifier: Apache-2.0
// How the tasks of a service are, in the engine's words. Pure.
import type { EngineTask } from '../engine/index.ts';
import type { Known } from './known.ts';
import type { Finding } from './why-model.ts';
import { type ScopedService, taskName } from './why-target.ts';

const TASKS_MAX = 5;
const { compare } = new Intl.Collator('en', { numeric: true });
const ERROR_LENGTH_MAX = 300;

/** One for all that run, and one for each place where none does. */
export function taskFindings(facts: Known, { service, task }: ScopedService): readonly Finding[] {
  const own = facts.tasksOf(service.id);
  const places = new Map<string, readonly EngineTask[]>();
  for (const one of own) {
    const name = taskName(facts, one);
    places.set(name, [...(places.get(name) ?? []), one]);
  }
  const wanted = [...places].filter(
    ([name, tasks]) =>
      (task === undefined || name === taskName(facts, task)) &&
      tasks.some(({ desiredState }) => isToRun(desiredState)),
  );
  if (wanted.length === 0) {
    const message = own.length === 0 ? 'there is none' : 'none is to run';
    return [{ name: 'tasks', level: 'ok', message }];
  }
  const waiting = wanted
    .filter(([, tasks]) => !tasks.some(isRunning))
    .toSorted(([one], [other]) => compare(one, other));
  const runningCount = wanted.length - waiting.length;
  const running: readonly Finding[] =
    runningCount === 0
      ? []
      : [{ name: 'tasks', level: 'ok', message: `${runningCount} of ${wanted.length} run` }];
  return [
    ...waiting.slice(0, TASKS_MAX).map(([name, tasks]) => ofPlace(service.name, name, tasks)),
    ...running,
  ];
}

function isToRun(state: EngineTask['desiredState']): boolean {
  return state === 'running' || state === 'ready';
}

function isRunning({ desiredState, state }: EngineTask): boolean {
  return state === 'running' && desiredState === 'running';
}

/** The last one that says why it ended, or else the one that is to run. */
function ofPlace(service: string, name: string, tasks: readonly EngineTask[]): Finding {
  const newestFirst = tasks.toSorted((a, b) => (b.changedAt_ms ?? 0) - (a.changedAt_ms ?? 0));
  const failed = newestFirst.find(({ error }) => error !== undefined);
  if (failed?.error === undefined) {
    const state = newestFirst.find(({ desiredState }) => isToRun(desiredState))?.state ?? 'pending';
    return {
      name: 'tasks',
      level: 'warning',
      message: `${name} (${state})`,
      at_ms: newestFirst[0]?.changedAt_ms,
      mend: `docker service ps --no-trunc ${service}`,
    };
  }
  const { changedAt_ms, error, state } = failed;
  return {
    name: 'tasks',
    level: 'failure',
    message: `${name} (${state}): ${error.slice(0, ERROR_LENGTH_MAX)}`,
    at_ms: changedAt_ms,
    // Where it is about a secret, what is found of that says more.
    mend: /secret/i.test(error) ? undefined : `docker service ps --no-trunc ${service}`,
  };
}
