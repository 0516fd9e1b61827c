// SPDX-License-Identifier: Apache-2.0
// Whether a volume may be mounted for the container that is being started. The engine does not say which one that is, so it may be
// any that could be started. Pure.
import { CofferError } from '../../common/index.ts';
import type { EngineContainer } from '../../engine/index.ts';
import type { Holder } from '../protocol.ts';
import type { VolumeFile, VolumeSpec } from '../volume-model.ts';
import { type HoldingsView, heldBy, holderKeyOf, isAlive, mayStart, taskIdOf } from './entitlement.ts';

export interface MountQuestion {
  readonly volume: string;
  readonly spec: VolumeSpec;
  /** All that mount it. */
  readonly containers: readonly EngineContainer[];
  /** Those of tasks, by id, with which a start was refused before: a task's container is started once. */
  readonly leftBehind: ReadonlySet<string>;
  readonly holdings: HoldingsView;
  /** This node's name, for commands. */
  readonly nodeName: string;
}

export type MountDecision =
  /** The leader has not answered yet for this container. */
  | { readonly kind: 'wait'; readonly container: EngineContainer }
  /** `leftBehind`: the ids of the containers that are to refuse no further start once no task stands behind them. */
  | { readonly kind: 'refuse'; readonly reason: CofferError; readonly leftBehind: readonly string[] }
  /** `starting`: the ids of the containers of which it may be the start. */
  | { readonly kind: 'mount'; readonly starting: readonly string[] };

export function decideMount(question: MountQuestion): MountDecision {
  const { holdings, containers } = question;
  const holderOf = (container: EngineContainer): Holder | undefined =>
    holdings.holder(holderKeyOf(container));
  const counted = containers.filter((container) => isAlive(container) || mayStart(container));
  const startable = counted.filter(mayStart);
  if (startable.length === 0) {
    return { kind: 'refuse', reason: nobodyStarts(question.volume), leftBehind: [] };
  }
  const unanswered = counted.find((container) => holderOf(container) === undefined);
  if (unanswered !== undefined) {
    return { kind: 'wait', container: unanswered };
  }
  // The container of a task that was refused stays behind for a while, and the swarm starts another one for the next task. It looks
  // like one that is being started and must be refused: so it refuses one start, be it its own, and is left out afterwards.
  const over = startable.filter((container) => isOver(container, holderOf(container)));
  const known = over.filter(({ id }) => question.leftBehind.has(id));
  const relevant =
    known.length < startable.length ? counted.filter((container) => !known.includes(container)) : counted;
  for (const container of relevant) {
    const missing = question.spec.files.find(
      (file) => heldBy(holderOf(container), file, holdings) === undefined,
    );
    if (missing !== undefined) {
      const reason = refusal(question, container, holderOf(container), missing);
      const leftBehind = startable.filter(isOfTask).map(({ id }) => id);
      return { kind: 'refuse', reason, leftBehind };
    }
  }
  return { kind: 'mount', starting: relevant.filter(mayStart).map(({ id }) => id) };
}

function isOver(container: EngineContainer, holder: Holder | undefined): boolean {
  return isOfTask(container) && holder?.secrets.length === 0 && holder.refused.length === 0;
}

function isOfTask(container: EngineContainer): boolean {
  return taskIdOf(container) !== '' && container.state === 'created';
}

function nobodyStarts(volume: string): CofferError {
  return new CofferError('volume.refused', `no container that could be started mounts the volume ${volume}`, {
    hint:
      'The container of a task that has ended is not started again: let the service make a new one. If one is being made, its image ' +
      'has something where the volume goes: mount it with volume-nocopy.',
  });
}

function refusal(
  { volume, nodeName }: MountQuestion,
  container: EngineContainer,
  holder: Holder | undefined,
  { secret }: VolumeFile,
): CofferError {
  const who = `container ${container.name}`;
  const name = secret.toLowerCase();
  const refused = holder?.refused.find((one) => one.name.toLowerCase() === name) ?? holder?.refused[0];
  const taskId = taskIdOf(container);
  if (refused?.code === 'policy.denied' && refused.name.toLowerCase() === name) {
    return new CofferError('policy.denied', `${who} may not have the secret ${secret}: ${refused.message}`, {
      hint: 'See the rules on a manager: docker coffer policy ls',
    });
  }
  if (taskId !== '') {
    const why = refused?.message ?? `the swarm has no task ${taskId} on this node that mounts it`;
    return new CofferError('volume.refused', `${who} may not have the secret ${secret}: ${why}`, {
      hint: `Look at the service's volume ${volume}: docker service inspect.`,
    });
  }
  const grant = `docker coffer grant ${secret} --node ${nodeName} --container ${container.name}`;
  if (refused !== undefined && refused.name.toLowerCase() === name) {
    return new CofferError('volume.refused', `${who} cannot have the secret ${secret}: ${refused.message}`, {
      hint: `Store it: docker coffer put ${secret} -`,
    });
  }
  if (container.state === 'exited') {
    return new CofferError(
      'volume.refused',
      `${who}, which has ended, mounts the volume ${volume} too, and nothing grants it the secret ${secret}`,
      { hint: `Remove it if nobody needs it: docker rm ${container.name}. Or grant it: ${grant}` },
    );
  }
  return new CofferError('volume.refused', `nothing grants ${who} on this node the secret ${secret}`, {
    hint: `Grant it: ${grant}`,
  });
}
