// SPDX-License-Identifier: Apache-2.0
// What the engine's swarm is to do: nodes, services and tasks.
import * as v from 'valibot';
import { decode, decodeList, optionalText, requiredText, text } from './decode.ts';

export interface EngineService {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Of its next task; empty for a service whose tasks are no containers. Likewise the mounts, which are of type volume alone. */
  readonly image: string;
  readonly mounts: readonly EngineMount[];
  readonly secrets: readonly EngineSecretReference[];
}

export interface EngineSecretReference {
  readonly id: string;
  readonly name: string;
}

/** A node of the engine's swarm. */
export interface EngineNode {
  readonly id: string;
  readonly hostname: string;
  readonly role: 'manager' | 'worker';
  /** True for the one that leads the swarm, and asks for secrets. */
  readonly leadsSwarm?: boolean;
  /** Those that the swarm has of it, and not those of its engine. */
  readonly labels: Readonly<Record<string, string>>;
}

/** A volume that a task's containers mount. */
export interface EngineMount {
  /** The volume's name; empty for one without a name. */
  readonly source: string;
  /** The name of its driver, as it was given; empty: the engine's own. */
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
}

/**
 * The states of a task, in their order: those of swarmkit, and so not `allocated`, which the Engine API names too but an engine refuses
 * to be asked for. Anything else that an engine may say is `orphaned`.
 */
export const TASK_STATES = [
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
] as const;
export type TaskState = (typeof TASK_STATES)[number];

/** A task of the engine's swarm. */
export interface EngineTask {
  readonly id: string;
  readonly serviceId: string;
  /** Which one of its service's it is, from 1 on; absent where the service has one on each node. */
  readonly slot?: number;
  /** Empty while it is assigned to none. */
  readonly nodeId: string;
  readonly state: TaskState;
  readonly desiredState: TaskState;
  /** Since when it is in its state, in milliseconds since 1970, by the clock of the engine that wrote it. */
  readonly changedAt_ms?: number;
  /** What went wrong, in the engine's words. */
  readonly error?: string;
  /** As its service's author has typed it, mostly with the digest that the command line has added. */
  readonly image: string;
  /** Of type volume alone. */
  readonly mounts: readonly EngineMount[];
  /** Its own: those of its service may be others meanwhile. */
  readonly secrets: readonly EngineSecretReference[];
}

/** What the swarm is to do, as this node's engine knows it, read in one go. */
export interface SwarmSnapshot {
  /** Before anything of it was read, on a monotonic clock. */
  readonly begunAt_ms: number;
  readonly nodes: readonly EngineNode[];
  readonly services: readonly EngineService[];
  /** Those that are to run. */
  readonly tasks: readonly EngineTask[];
}

const secretReferences = v.pipe(
  v.nullish(v.array(v.object({ SecretID: v.string(), SecretName: text }))),
  v.transform((references): readonly EngineSecretReference[] =>
    (references ?? []).map(({ SecretID, SecretName }) => ({ id: SecretID, name: SecretName })),
  ),
);

const labels = v.nullish(v.record(v.string(), v.string()));

/** A mount of another type, or without a driver's configuration, has the engine's own. */
const mountShape = v.object({
  Type: text,
  Source: text,
  VolumeOptions: v.nullish(
    v.object({
      DriverConfig: v.nullish(v.object({ Name: text, Options: v.nullish(v.record(v.string(), v.string())) })),
    }),
  ),
});

function volumesOf(mounts: readonly v.InferOutput<typeof mountShape>[]): readonly EngineMount[] {
  return mounts
    .filter(({ Type }) => Type === 'volume')
    .map(({ Source, VolumeOptions }) => ({
      source: Source,
      driver: VolumeOptions?.DriverConfig?.Name ?? '',
      options: VolumeOptions?.DriverConfig?.Options ?? {},
    }));
}

const specShape = v.object({
  Name: text,
  Labels: labels,
  TaskTemplate: v.nullish(
    v.object({
      ContainerSpec: v.nullish(
        v.object({
          Image: text,
          Mounts: v.nullish(v.array(mountShape)),
          Secrets: secretReferences,
        }),
      ),
    }),
  ),
});

/** What a service is to be. */
export type EngineServiceSpec = Omit<EngineService, 'id'>;

function specOf({ Labels, Name, TaskTemplate }: v.InferOutput<typeof specShape>): EngineServiceSpec {
  const container = TaskTemplate?.ContainerSpec;
  return {
    name: Name,
    labels: Labels ?? {},
    image: container?.Image ?? '',
    mounts: volumesOf(container?.Mounts ?? []),
    secrets: container?.Secrets ?? [],
  };
}

const serviceShape = v.pipe(
  v.object({ ID: requiredText, Spec: specShape }),
  v.transform(({ ID, Spec }): EngineService => ({ id: ID, ...specOf(Spec) })),
);

const nodeShape = v.pipe(
  v.object({
    ID: requiredText,
    Description: v.nullish(v.object({ Hostname: text })),
    ManagerStatus: v.nullish(v.object({ Leader: v.nullish(v.boolean(), false) })),
    Spec: v.object({ Role: v.fallback(v.picklist(['manager', 'worker']), 'worker'), Labels: labels }),
  }),
  v.transform(
    (node): EngineNode => ({
      id: node.ID,
      hostname: node.Description?.Hostname ?? '',
      role: node.Spec.Role,
      ...(node.ManagerStatus?.Leader === true && { leadsSwarm: true }),
      labels: node.Spec.Labels ?? {},
    }),
  ),
);

const taskState = v.fallback(v.picklist(TASK_STATES), 'orphaned');

/** As far as the engine tells. */
function progressOf({
  Slot,
  Status,
}: {
  readonly Slot?: number | null | undefined;
  readonly Status?: { readonly Err: string | undefined; readonly Timestamp: string } | null | undefined;
}): Pick<EngineTask, 'slot' | 'changedAt_ms' | 'error'> {
  const changedAt_ms = Date.parse(Status?.Timestamp ?? '');
  const error = Status?.Err;
  return {
    ...(typeof Slot === 'number' && { slot: Slot }),
    ...(Number.isFinite(changedAt_ms) && { changedAt_ms }),
    ...(error !== undefined && { error }),
  };
}

const taskShape = v.pipe(
  v.object({
    ID: requiredText,
    ServiceID: text,
    Slot: v.nullish(v.number()),
    NodeID: text,
    Status: v.nullish(v.object({ State: taskState, Err: optionalText, Timestamp: text })),
    DesiredState: taskState,
    Spec: v.nullish(
      v.object({
        ContainerSpec: v.nullish(
          v.object({ Image: text, Mounts: v.nullish(v.array(mountShape)), Secrets: secretReferences }),
        ),
      }),
    ),
  }),
  v.transform(
    (task): EngineTask => ({
      id: task.ID,
      serviceId: task.ServiceID,
      nodeId: task.NodeID,
      state: task.Status?.State ?? 'new',
      desiredState: task.DesiredState,
      ...progressOf(task),
      image: task.Spec?.ContainerSpec?.Image ?? '',
      mounts: volumesOf(task.Spec?.ContainerSpec?.Mounts ?? []),
      secrets: task.Spec?.ContainerSpec?.Secrets ?? [],
    }),
  ),
);

/** Reads the answer of `GET /services`, where an engine may say `null` for none. */
export function decodeServices(json: unknown): readonly EngineService[] {
  return decodeList(serviceShape, json, 'a list of services');
}

/** Reads the body of `POST /services/create` and of `POST /services/{id}/update`. */
export function decodeServiceSpec(json: unknown): EngineServiceSpec {
  return decode(v.pipe(specShape, v.transform(specOf)), json, 'the spec of a service');
}

/** Reads the answer of `GET /nodes`. */
export function decodeNodes(json: unknown): readonly EngineNode[] {
  return decodeList(nodeShape, json, 'a list of nodes');
}

/** Reads the answer of `GET /tasks`. */
export function decodeTasks(json: unknown): readonly EngineTask[] {
  return decodeList(taskShape, json, 'a list of tasks');
}
