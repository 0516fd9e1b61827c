// SPDX-License-Identifier: Apache-2.0
// Which tasks of the swarm are due secrets.
import {
  type EngineMount,
  type EngineService,
  type EngineTask,
  type SwarmSnapshot,
  TASK_STATES,
  type TaskState,
} from '../engine/index.ts';
import { areSame } from './same-list.ts';

export interface DueTask {
  readonly id: string;
  /** Volumes of coffer's alone, at least one. */
  readonly mounts: readonly EngineMount[];
  /** What a policy goes by. */
  readonly service: Pick<EngineService, 'name' | 'labels'>;
  readonly image: string;
}

const ORDER = new Map(TASK_STATES.map((state, at) => [state, at] as const));

/** By the id of the engine's node that they are on. Those that mount no volume of coffer's are not among them. */
export function dueTasks(
  snapshot: SwarmSnapshot,
  isDriver: (name: string) => boolean,
): ReadonlyMap<string, readonly DueTask[]> {
  const services = new Map(snapshot.services.map((service) => [service.id, service] as const));
  const isKnownDriver = remembered(isDriver);
  const due = new Map<string, DueTask[]>();
  for (const task of snapshot.tasks) {
    const service = services.get(task.serviceId);
    if (service === undefined || !isDue(task)) {
      continue;
    }
    const mounts = task.mounts.filter(({ driver }) => driver !== '' && isKnownDriver(driver));
    if (mounts.length > 0) {
      listOf(due, task.nodeId).push({ id: task.id, mounts, service, image: task.image });
    }
  }
  return due;
}

/** Whether both lists say the same, in the same order. */
export function areSameTasks(some: readonly DueTask[], others: readonly DueTask[]): boolean {
  return areSame(
    some,
    others,
    (one, other) =>
      one.id === other.id &&
      one.image === other.image &&
      one.service.name === other.service.name &&
      isSameRecord(one.service.labels, other.service.labels) &&
      areSame(one.mounts, other.mounts, isSameMount),
  );
}

function isSameMount(one: EngineMount, other: EngineMount): boolean {
  return one.source === other.source && isSameRecord(one.options, other.options);
}

/** Whether both have the same keys with the same texts. */
export function isSameRecord(
  one: Readonly<Record<string, string>>,
  other: Readonly<Record<string, string>>,
): boolean {
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && one[key] === other[key])
  );
}

/** The list at a key of a map, which is made if there is none. */
export function listOf<Item>(lists: Map<string, Item[]>, key: string): Item[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}

/** Assigned to a node, not ended and not to end. */
function isDue({ desiredState, nodeId, state }: EngineTask): boolean {
  return (
    nodeId !== '' &&
    // A job's task is to complete from the beginning.
    rank(desiredState) <= rank('complete') &&
    rank(state) >= rank('assigned') &&
    rank(state) <= rank('running')
  );
}

function rank(state: TaskState): number {
  return ORDER.get(state) ?? TASK_STATES.length;
}

/** There are thousands of mounts, and two or three drivers. */
function remembered(isDriver: (name: string) => boolean): (name: string) => boolean {
  const answers = new Map<string, boolean>();
  return (name) => {
    const answer = answers.get(name) ?? isDriver(name);
    answers.set(name, answer);
    return answer;
  };
}
