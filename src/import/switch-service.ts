// SPDX-License-Identifier: Apache-2.0
// One service of the swarm is given other secrets in the place of its own, by a rolling update of its own settings; if its tasks do
// not come to run so, it is given back what it had.
import { CofferError, formatDuration } from '../common/index.ts';
import type { EngineClient, EngineSecretReference } from '../engine/index.ts';
import { judge, lateness, markOf } from '../rotation/index.ts';

export interface SwitchOptions {
  readonly engine: Pick<EngineClient, 'forceService' | 'inspectService' | 'serviceTasks'>;
  /** How long it may take until all its tasks run with them. */
  readonly timeout_ms: number;
  readonly monotonic_ms: () => number;
  readonly pause: (duration_ms: number) => Promise<void>;
}

/** By the id of what it replaces. */
export type Replacements = ReadonlyMap<string, EngineSecretReference & { readonly before: string }>;

export type SwitchOutcome =
  | { readonly kind: 'updated' }
  | { readonly kind: 'left-out' | 'failed'; readonly why: string };

const LOOK_MS = 500;
/** Each is one that somebody else's update has come before. */
const TRIES_MAX = 5;

/** Resolves when all tasks of the service run with the others, or it has what it had before. */
export async function switchService(
  options: SwitchOptions,
  serviceId: string,
  replacements: Replacements,
): Promise<SwitchOutcome> {
  const { engine } = options;
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const found = await engine.inspectService(serviceId);
    if (found === undefined) {
      return { kind: 'left-out', why: 'it was removed meanwhile' };
    }
    if (found.mode === 'job') {
      return { kind: 'left-out', why: 'it is a job, which an update would run once more' };
    }
    const mark = markOf(found);
    const isAsked = await engine.forceService(serviceId, found.versionIndex, mark.forceUpdate, replacements);
    if (isAsked) {
      const why = await failureOf(options, serviceId, mark);
      if (why === undefined) {
        return { kind: 'updated' };
      }
      await giveBack(options, serviceId, found.forceUpdate, replacements);
      return { kind: 'failed', why };
    }
  }
  return { kind: 'failed', why: 'somebody else updates it all the while' };
}

/** Undefined once all its tasks run as they are to. */
async function failureOf(
  { engine, monotonic_ms, pause, timeout_ms }: SwitchOptions,
  serviceId: string,
  mark: ReturnType<typeof markOf>,
): Promise<string | undefined> {
  const deadline_ms = monotonic_ms() + timeout_ms;
  for (;;) {
    const found = await engine.inspectService(serviceId);
    if (found === undefined) {
      return 'it was removed meanwhile';
    }
    const tasks = await engine.serviceTasks(serviceId);
    const judgement = judge(found, tasks, mark);
    if (judgement.kind === 'converged') {
      return undefined;
    }
    if (judgement.kind === 'failed') {
      return judgement.why;
    }
    if (judgement.kind === 'mark') {
      return 'somebody else has updated it meanwhile';
    }
    if (monotonic_ms() > deadline_ms) {
      return lateness(tasks, mark, formatDuration(timeout_ms));
    }
    await pause(LOOK_MS);
  }
}

/** With the count of before, so that tasks which were not replaced yet are as they are to be. */
async function giveBack(
  { engine }: SwitchOptions,
  serviceId: string,
  forceUpdate: number,
  replacements: Replacements,
): Promise<void> {
  const back = new Map(
    [...replacements].map(([oldId, { before, id }]) => [id, { id: oldId, name: before }] as const),
  );
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const found = await engine.inspectService(serviceId);
    if (
      found === undefined ||
      found.forceUpdate <= forceUpdate ||
      (await engine.forceService(serviceId, found.versionIndex, forceUpdate, back))
    ) {
      return;
    }
  }
  throw new CofferError('import.refused', 'the service was not given back the secrets that it had', {
    hint: 'Type: docker service rollback SERVICE',
  });
}
