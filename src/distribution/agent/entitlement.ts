// SPDX-License-Identifier: Apache-2.0
// Which containers count for a volume, and which files they may all have. Pure.
import { unreachable } from '../../common/index.ts';
import type { EngineContainer } from '../../engine/index.ts';
import type { Holder } from '../protocol.ts';
import type { VolumeFile, VolumeSpec } from '../volume-model.ts';
import type { HeldVersion, Holdings } from './holdings.ts';

/** The engine puts it on the containers of a swarm's tasks. */
const TASK_LABEL = 'com.docker.swarm.task.id';
const SERVICE_LABEL = 'com.docker.swarm.service.name';
const TASK_ID_PATTERN = /^[0-9a-z]{1,64}$/;

/** What entitlement is read from. */
export type HoldingsView = Pick<Holdings, 'holder' | 'secret'>;

/** Empty for a container that no service has made. */
export function taskIdOf(container: EngineContainer): string {
  const id = Object.hasOwn(container.labels, TASK_LABEL) ? (container.labels[TASK_LABEL] ?? '') : '';
  return TASK_ID_PATTERN.test(id) ? id : '';
}

/** The name of the service that has made it; undefined for none. */
export function serviceOf({ labels }: EngineContainer): string | undefined {
  return Object.hasOwn(labels, SERVICE_LABEL) ? labels[SERVICE_LABEL] : undefined;
}

/** The key of its holder. */
export function holderKeyOf(container: EngineContainer): string {
  const taskId = taskIdOf(container);
  return taskId === '' ? `container/${container.id}` : `task/${taskId}`;
}

/** Whether it has processes, or will have them again by itself. */
export function isAlive({ state }: EngineContainer): boolean {
  return state === 'running' || state === 'paused' || state === 'restarting';
}

/**
 * Whether it may be the one that is being started. A task's container is started once: the swarm makes another one for the
 * next task.
 */
export function mayStart(container: EngineContainer): boolean {
  switch (container.state) {
    case 'created':
    case 'restarting':
      return true;
    case 'exited':
      return taskIdOf(container) === '';
    case 'running':
    case 'paused':
    case 'removing':
    case 'dead':
      return false;
    default:
      return unreachable(container.state);
  }
}

/** Undefined if the holder does not have it, or has it by an id of which the leader has sent no value. */
export function heldBy(
  holder: Holder | undefined,
  file: VolumeFile,
  holdings: HoldingsView,
): HeldVersion | undefined {
  const name = file.secret.toLowerCase();
  const held = holder?.secrets.find((secret) => secret.name.toLowerCase() === name);
  return held === undefined ? undefined : holdings.secret(held.secretId);
}

/** The files, by name, that all of these containers may have: none if there is no container. */
export function dueFiles(
  spec: VolumeSpec,
  containers: readonly EngineContainer[],
  holdings: HoldingsView,
): ReadonlyMap<string, HeldVersion> {
  const holders = containers.map((container) => holdings.holder(holderKeyOf(container)));
  const due = new Map<string, HeldVersion>();
  for (const file of spec.files) {
    const [first, ...others] = holders.map((holder) => heldBy(holder, file, holdings));
    if (first !== undefined && others.every((other) => other === first)) {
      due.set(file.file, first);
    }
  }
  return due;
}
