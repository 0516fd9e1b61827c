// SPDX-License-Identifier: Apache-2.0
// Which tasks of the swarm hold which secrets: what the engine runs, joined with what is remembered of deliveries.
import type { LedgerEntry, LedgerState } from '../control/index.ts';
import type { EngineNode, EngineSecret, EngineService, EngineTask, TaskState } from '../engine/index.ts';
import { sealedIdIn } from '../sealing/index.ts';
import {
  currentVersion,
  type Delivery,
  hasCurrentValue,
  LABELS,
  nameKey,
  sealedValueOf,
  type Secret,
  storeNameOf,
} from '../secrets/index.ts';

/** What the secrets of tasks are found out from. */
export interface TaskLedgerInput {
  readonly tasks: readonly EngineTask[];
  readonly services: readonly EngineService[];
  readonly nodes: readonly EngineNode[];
  /** Those of coffer's driver alone. */
  readonly engineSecrets: readonly EngineSecret[];
  /** Oldest first. */
  readonly deliveries: readonly Delivery[];
  readonly secrets: SecretLookup;
}

/** The store's secrets, as they are now. */
export interface SecretLookup {
  byId(id: string): Secret | undefined;
  byName(name: string): Secret | undefined;
}

/** A task is asked for its secrets when it is assigned, and holds them until it has ended, also one that is to end. */
const HOLDING: readonly TaskState[] = ['assigned', 'accepted', 'preparing', 'ready', 'starting', 'running'];

/** An entry for each secret of each task. */
export function taskEntries(input: TaskLedgerInput): readonly LedgerEntry[] {
  const services = new Map(input.services.map(({ id, name }) => [id, name]));
  const nodes = new Map(input.nodes.map(({ hostname, id }) => [id, hostname]));
  const mounts = new Map(input.engineSecrets.map((secret) => [secret.id, mountOf(secret)]));
  const delivered = byTask(input.deliveries);
  return input.tasks
    .filter(({ nodeId, state }) => nodeId !== '' && HOLDING.includes(state))
    .flatMap((task) => {
      const holder = {
        via: 'secret',
        service: { id: task.serviceId, name: services.get(task.serviceId) ?? '' },
        task: task.id,
        node: { id: task.nodeId, hostname: nodes.get(task.nodeId) ?? '' },
      } as const;
      const mounted = task.secrets.flatMap(({ id }) => mounts.get(id) ?? []);
      const held = heldBy(delivered.get(task.id) ?? [], mounted);
      return [
        ...held.map((delivery) => ({ ...ofDelivery(delivery, mounted, input.secrets), ...holder })),
        ...unremembered(mounted, held).map((name) => ({ ...ofUnknown(name, input.secrets), ...holder })),
      ];
    });
}

function byTask(deliveries: readonly Delivery[]): ReadonlyMap<string, readonly Delivery[]> {
  const lists = new Map<string, Delivery[]>();
  for (const delivery of deliveries) {
    const list = lists.get(delivery.taskId);
    if (list === undefined) {
      lists.set(delivery.taskId, [delivery]);
    } else {
      list.push(delivery);
    }
  }
  return lists;
}

/** What a task mounts, by one secret of the engine. */
interface Mounted {
  readonly name: string;
  /** Whether its label asks for another version than the current one. */
  readonly pinned: boolean;
  /** The id of the value that is sealed in its label. */
  readonly sealed?: string | undefined;
}

function mountOf(secret: EngineSecret): Mounted {
  const version = secret.labels[LABELS.version] ?? 'current';
  return { name: storeNameOf(secret), pinned: version !== 'current', sealed: sealedIdIn(secret.labels) };
}

/**
 * Of several deliveries of one secret the first one counts: a container's files are made once, when it starts, whatever the
 * engine is given for its task later. Pinned versions stand beside that, as many as the task mounts: `previous` is another one later.
 */
function heldBy(deliveries: readonly Delivery[], mounted: readonly Mounted[]): readonly Delivery[] {
  const held: Delivery[] = [];
  for (const delivery of deliveries) {
    const alike = held.filter((one) => isLike(one, delivery));
    const isKnown = alike.some(({ version }) => version === delivery.version);
    if (!isKnown && alike.length < placesFor(delivery, mounted)) {
      held.push(delivery);
    }
  }
  return held;
}

function placesFor(delivery: Delivery, mounted: readonly Mounted[]): number {
  if (!delivery.pinned) {
    return 1;
  }
  const pins = mounted.filter((mount) => isLike(mount, delivery)).length;
  // Where there is no such mount the label was changed since: all that was given may be there.
  return pins === 0 ? Number.POSITIVE_INFINITY : pins;
}

function isLike(one: Mounted, other: Mounted): boolean {
  return one.pinned === other.pinned && nameKey(one.name) === nameKey(other.name);
}

/** The secrets that a task mounts, and of which no delivery to it is remembered. */
function unremembered(mounted: readonly Mounted[], held: readonly Delivery[]): readonly string[] {
  const known = new Set(held.map(({ name }) => nameKey(name)));
  return [...new Map(mounted.map(({ name }) => [nameKey(name), name])).values()].filter(
    (name) => !known.has(nameKey(name)),
  );
}

type Held = Pick<
  LedgerEntry,
  'secret' | 'version' | 'sealed' | 'current' | 'state' | 'pinned' | 'givenAt_ms'
>;

function ofDelivery(delivery: Delivery, mounted: readonly Mounted[], secrets: SecretLookup): Held {
  const { at_ms, name, pinned, secretId, version } = delivery;
  const sealed = sealedValueOf(delivery);
  const what =
    sealed === undefined
      ? ofVersion(secretId, name, version, secrets)
      : {
          secret: name,
          sealed,
          state: sealedState(
            sealed,
            mounted.find((mount) => isLike(mount, delivery)),
          ),
        };
  return { ...what, pinned, givenAt_ms: at_ms };
}

/** It stands in the label alone: one that has changed since is another value. */
function sealedState(sealed: string, mount: Mounted | undefined): LedgerState {
  if (mount === undefined) {
    return 'removed';
  }
  return mount.sealed === sealed ? 'current' : 'stale';
}

/** How a version that is held stands to the secret that it was of. */
export function ofVersion(
  secretId: string,
  name: string,
  version: number,
  secrets: SecretLookup,
): Pick<Held, 'secret' | 'version' | 'current' | 'state'> {
  const secret = secrets.byId(secretId);
  const current = currentOf(secret ?? secrets.byName(name));
  return { secret: secret?.name ?? name, version, current, state: stateOf(secret, version) };
}

function stateOf(secret: Secret | undefined, version: number): LedgerState {
  if (secret === undefined) {
    return 'removed';
  }
  return hasCurrentValue(secret, version) ? 'current' : 'stale';
}

function ofUnknown(name: string, secrets: SecretLookup): Held {
  const secret = secrets.byName(name);
  return { secret: secret?.name ?? name, current: currentOf(secret), state: 'unknown', pinned: false };
}

function currentOf(secret: Secret | undefined): number | undefined {
  return secret === undefined ? undefined : currentVersion(secret).number;
}
