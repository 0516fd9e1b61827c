// SPDX-License-Identifier: Apache-2.0
// One service of the swarm, as far as a rolling update of it is concerned.
import * as v from 'valibot';
import { decode, decodeList, requiredText, text } from './decode.ts';
import type { EngineSecretReference } from './swarm-model.ts';

/** How the engine's last update of a service went; as the Engine API has them. Anything else is `unknown`. */
const UPDATE_STATES = [
  'updating',
  'paused',
  'completed',
  'rollback_started',
  'rollback_paused',
  'rollback_completed',
] as const;
export type ServiceUpdateState = (typeof UPDATE_STATES)[number] | 'unknown';

export interface ServiceUpdate {
  readonly state: ServiceUpdateState;
  /** As the engine writes it; the same until the next update or rollback begins. */
  readonly startedAt: string;
  readonly message: string;
}

/** A service under way. */
export interface RollingService {
  readonly id: string;
  readonly name: string;
  /** Each change of the service has another one. */
  readonly versionIndex: number;
  /** Counts the updates that were forced. */
  readonly forceUpdate: number;
  readonly mode: 'replicated' | 'global' | 'job';
  /** How many tasks are to run; undefined for a service that is not replicated. */
  readonly replicas: number | undefined;
  /** Undefined: there was none, or the one that was asked for last has not begun. */
  readonly update: ServiceUpdate | undefined;
}

/** A task of a service under way. */
export interface RollingTask {
  readonly id: string;
  readonly isRunning: boolean;
  /** Whether it is to run. */
  readonly isWanted: boolean;
  /** That of the service when the task was made. */
  readonly forceUpdate: number;
  /** Why it has ended, in the engine's words; empty for one that has not. */
  readonly error: string;
  /** Milliseconds since 1970, by the clock of the engine that wrote it. */
  readonly changedAt_ms: number;
}

const index = v.object({ Index: v.pipe(v.number(), v.safeInteger(), v.minValue(0)) });
const forceUpdate = v.nullish(v.pipe(v.number(), v.safeInteger(), v.minValue(0)), 0);

const updateShape = v.object({
  State: v.nullish(v.fallback(v.picklist([...UPDATE_STATES, 'unknown']), 'unknown')),
  StartedAt: text,
  Message: text,
});

const serviceShape = v.pipe(
  v.object({
    ID: requiredText,
    Version: index,
    Spec: v.object({
      Name: text,
      TaskTemplate: v.nullish(v.object({ ForceUpdate: forceUpdate })),
      Mode: v.nullish(
        v.object({
          Replicated: v.nullish(v.object({ Replicas: v.nullish(v.number(), 1) })),
          Global: v.nullish(v.object({})),
          ReplicatedJob: v.nullish(v.object({})),
          GlobalJob: v.nullish(v.object({})),
        }),
      ),
    }),
    UpdateStatus: v.nullish(updateShape),
  }),
  v.transform(({ ID, Spec, UpdateStatus, Version }): RollingService => {
    const { GlobalJob, Global, Replicated, ReplicatedJob } = Spec.Mode ?? {};
    const isJob = (GlobalJob ?? ReplicatedJob ?? undefined) !== undefined;
    const isGlobal = (Global ?? undefined) !== undefined;
    return {
      id: ID,
      name: Spec.Name,
      versionIndex: Version.Index,
      forceUpdate: Spec.TaskTemplate?.ForceUpdate ?? 0,
      mode: isJob ? 'job' : isGlobal ? 'global' : 'replicated',
      replicas: isJob || isGlobal ? undefined : (Replicated?.Replicas ?? 1),
      update: updateOf(UpdateStatus),
    };
  }),
);

/** An engine says `{}` of a service that was never updated. */
function updateOf(status: v.InferOutput<typeof updateShape> | null | undefined): ServiceUpdate | undefined {
  const state = status?.State ?? undefined;
  return state === undefined
    ? undefined
    : { state, startedAt: status?.StartedAt ?? '', message: status?.Message ?? '' };
}

const taskShape = v.pipe(
  v.object({
    ID: requiredText,
    Status: v.nullish(v.object({ State: text, Err: text, Timestamp: text })),
    DesiredState: text,
    Spec: v.nullish(v.object({ ForceUpdate: forceUpdate })),
  }),
  v.transform(
    (task): RollingTask => ({
      id: task.ID,
      isRunning: task.Status?.State === 'running',
      isWanted: ['ready', 'running', 'complete'].includes(task.DesiredState),
      forceUpdate: task.Spec?.ForceUpdate ?? 0,
      error: task.Status?.Err ?? '',
      changedAt_ms: Date.parse(task.Status?.Timestamp ?? '') || 0,
    }),
  ),
);

const sentReference = v.looseObject({ SecretID: v.string(), SecretName: v.nullish(v.string()) });

/** What is sent back is the service's own, whatever else it says. */
const specShape = v.object({
  Spec: v.looseObject({
    TaskTemplate: v.nullish(
      v.looseObject({
        ContainerSpec: v.nullish(v.looseObject({ Secrets: v.nullish(v.array(sentReference)) })),
      }),
      {},
    ),
  }),
});

/** Reads the answer of `GET /services/{id}`. */
export function decodeRollingService(json: unknown): RollingService {
  return decode(serviceShape, json, 'a service');
}

/** Reads the answer of `GET /tasks`. */
export function decodeRollingTasks(json: unknown): readonly RollingTask[] {
  return decodeList(taskShape, json, 'a list of tasks');
}

/**
 * The service's own spec with another count of forced updates, out of the answer of `GET /services/{id}`, and with other secrets in the
 * place of those that have these ids.
 */
export function forcedSpec(
  json: unknown,
  count: number,
  replacements: ReadonlyMap<string, EngineSecretReference>,
): object {
  const { Spec } = decode(specShape, json, 'a service');
  const { ContainerSpec, ...template } = Spec.TaskTemplate ?? {};
  const container = ContainerSpec && {
    ContainerSpec: {
      ...ContainerSpec,
      ...(ContainerSpec.Secrets && {
        Secrets: ContainerSpec.Secrets.map((reference) => {
          const other = replacements.get(reference.SecretID);
          return other === undefined
            ? reference
            : { ...reference, SecretID: other.id, SecretName: other.name };
        }),
      }),
    },
  };
  return { ...Spec, TaskTemplate: { ...template, ...container, ForceUpdate: count } };
}
