// SPDX-License-Identifier: Apache-2.0
// What coffer reads of the Engine API's objects, and the readers that trust none of it.
import * as v from 'valibot';
import { CofferError } from '../common/index.ts';

/** `LocalNodeState` of the Engine API; anything else that an engine may say is `error`. */
const SWARM_STATES = ['inactive', 'pending', 'active', 'error', 'locked'] as const;
export type SwarmState = (typeof SWARM_STATES)[number];

export interface EngineInfo {
  readonly swarmState: SwarmState;
  /** The swarm's id; only a manager knows it. */
  readonly swarmId: string | undefined;
  /** True on a manager that can serve calls on swarm objects. */
  readonly controlAvailable: boolean;
  readonly nodeId: string | undefined;
  /** The address that it advertises to its swarm. */
  readonly nodeAddress: string | undefined;
  /** `host:port` of the swarm's managers, this node among them if it is one. */
  readonly managerAddresses: readonly string[];
  readonly serverVersion: string;
}

export interface EngineSecret {
  readonly id: string;
  readonly name: string;
  /** The name of its driver, as it was given: with a tag or without. */
  readonly driver: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly versionIndex: number;
}

export interface EngineService {
  readonly id: string;
  readonly name: string;
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
}

/** A volume that a task's containers mount. */
export interface EngineMount {
  /** The volume's name; empty for one without a name. */
  readonly source: string;
  /** The name of its driver, as it was given; empty: the engine's own. */
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
}

/** The states of a task, in their order (Engine API, TaskState). Anything else that an engine may say is `orphaned`. */
export const TASK_STATES = [
  'new',
  'allocated',
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
  /** Empty while it is assigned to none. */
  readonly nodeId: string;
  readonly state: TaskState;
  readonly desiredState: TaskState;
  /** Of type volume alone. */
  readonly mounts: readonly EngineMount[];
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

/** A container of this engine's. */
export interface EngineContainer {
  readonly id: string;
  /** Without the slash before it. */
  readonly name: string;
  readonly image: string;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly imageId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: ContainerState;
  /** The volumes that it mounts, by name. */
  readonly volumes: readonly string[];
}

/** Anything else that an engine may say is `dead`. */
export const CONTAINER_STATES = [
  'created',
  'running',
  'paused',
  'restarting',
  'removing',
  'exited',
  'dead',
] as const;
export type ContainerState = (typeof CONTAINER_STATES)[number];

export interface SecretEvent {
  readonly kind: 'secret';
  readonly action: 'create' | 'update' | 'remove';
  readonly secretId: string;
  readonly name: string;
}

const optionalText = v.pipe(
  v.nullish(v.string(), ''),
  v.transform((text) => (text === '' ? undefined : text)),
);

const infoShape = v.pipe(
  v.object({
    ServerVersion: v.nullish(v.string(), ''),
    Swarm: v.nullish(
      v.object({
        LocalNodeState: v.fallback(v.picklist(SWARM_STATES), 'error'),
        ControlAvailable: v.nullish(v.boolean(), false),
        NodeID: optionalText,
        NodeAddr: optionalText,
        RemoteManagers: v.nullish(v.array(v.object({ Addr: v.nullish(v.string(), '') })), []),
        Cluster: v.nullish(v.object({ ID: optionalText })),
      }),
    ),
  }),
  v.transform(
    (info): EngineInfo => ({
      swarmState: info.Swarm?.LocalNodeState ?? 'inactive',
      swarmId: info.Swarm?.Cluster?.ID,
      controlAvailable: info.Swarm?.ControlAvailable ?? false,
      nodeId: info.Swarm?.NodeID,
      nodeAddress: info.Swarm?.NodeAddr,
      managerAddresses: info.Swarm?.RemoteManagers.map(({ Addr }) => Addr) ?? [],
      serverVersion: info.ServerVersion,
    }),
  ),
);

const secretShape = v.pipe(
  v.object({
    ID: v.pipe(v.string(), v.nonEmpty()),
    Version: v.nullish(v.object({ Index: v.nullish(v.number(), 0) })),
    CreatedAt: v.nullish(v.string(), ''),
    Spec: v.object({
      Name: v.string(),
      Labels: v.nullish(v.record(v.string(), v.string())),
      Driver: v.nullish(v.object({ Name: optionalText })),
    }),
  }),
  v.transform(
    (secret): EngineSecret => ({
      id: secret.ID,
      name: secret.Spec.Name,
      driver: secret.Spec.Driver?.Name,
      labels: secret.Spec.Labels ?? {},
      createdAt: secret.CreatedAt,
      versionIndex: secret.Version?.Index ?? 0,
    }),
  ),
);

const serviceShape = v.pipe(
  v.object({
    ID: v.pipe(v.string(), v.nonEmpty()),
    Spec: v.object({
      Name: v.nullish(v.string(), ''),
      TaskTemplate: v.nullish(
        v.object({
          ContainerSpec: v.nullish(
            v.object({
              Secrets: v.nullish(
                v.array(v.object({ SecretID: v.string(), SecretName: v.nullish(v.string(), '') })),
              ),
            }),
          ),
        }),
      ),
    }),
  }),
  v.transform(
    (service): EngineService => ({
      id: service.ID,
      name: service.Spec.Name,
      secrets: (service.Spec.TaskTemplate?.ContainerSpec?.Secrets ?? []).map((reference) => ({
        id: reference.SecretID,
        name: reference.SecretName,
      })),
    }),
  ),
);

const nodeShape = v.pipe(
  v.object({
    ID: v.pipe(v.string(), v.nonEmpty()),
    Description: v.nullish(v.object({ Hostname: v.nullish(v.string(), '') })),
    Spec: v.object({ Role: v.fallback(v.picklist(['manager', 'worker']), 'worker') }),
  }),
  v.transform(
    (node): EngineNode => ({
      id: node.ID,
      hostname: node.Description?.Hostname ?? '',
      role: node.Spec.Role,
    }),
  ),
);

const pluginShape = v.object({ Name: v.pipe(v.string(), v.nonEmpty()) });

const eventShape = v.object({
  Type: v.literal('secret'),
  Action: v.picklist(['create', 'update', 'remove']),
  Actor: v.object({
    ID: v.pipe(v.string(), v.nonEmpty()),
    Attributes: v.nullish(v.object({ name: v.nullish(v.string(), '') })),
  }),
});

/** Reads the answer of `GET /info`; throws `engine.refused` if it is none. */
export function decodeInfo(json: unknown): EngineInfo {
  return decode(infoShape, json, 'a description of itself');
}

/** Reads a secret of the Engine API; throws `engine.refused` if it is none. */
export function decodeSecret(json: unknown): EngineSecret {
  return decode(secretShape, json, 'a secret');
}

/** Reads the answer of `GET /secrets`, where an engine may say `null` for none. */
export function decodeSecrets(json: unknown): readonly EngineSecret[] {
  return decode(v.array(secretShape), listOf(json), 'a list of secrets');
}

/** Reads the answer of `GET /services`, where an engine may say `null` for none. */
export function decodeServices(json: unknown): readonly EngineService[] {
  return decode(v.array(serviceShape), listOf(json), 'a list of services');
}

/** Reads the answer of `GET /nodes`. */
export function decodeNodes(json: unknown): readonly EngineNode[] {
  return decode(v.array(nodeShape), listOf(json), 'a list of nodes');
}

/** The name of a managed plugin out of `GET /plugins/{id}/json`. */
export function decodePluginName(json: unknown): string {
  return decode(pluginShape, json, 'a plugin').Name;
}

/** Reads one line of `GET /events`; undefined for an event that is not about a secret. */
export function decodeSecretEvent(json: unknown): SecretEvent | undefined {
  const result = v.safeParse(eventShape, json);
  if (!result.success) {
    return undefined;
  }
  const { Action, Actor } = result.output;
  return { kind: 'secret', action: Action, secretId: Actor.ID, name: Actor.Attributes?.name ?? '' };
}

/** Whether two names mean the same managed plugin: `coffer` is `coffer:latest`. */
export function isSameDriver(one: string, other: string): boolean {
  return one.replace(/:latest$/, '') === other.replace(/:latest$/, '');
}

function decode<Shape extends v.GenericSchema>(
  shape: Shape,
  json: unknown,
  what: string,
): v.InferOutput<Shape> {
  const result = v.safeParse(shape, json);
  if (!result.success) {
    throw new CofferError('engine.refused', `the engine answered with something that is not ${what}`);
  }
  return result.output;
}

// dockerode hands out the bytes of an answer that it takes for no JSON, and `null` is one of those.
function listOf(json: unknown): unknown {
  return json === null || (Buffer.isBuffer(json) && json.toString('latin1').trim() === 'null') ? [] : json;
}
