// SPDX-License-Identifier: Apache-2.0
// How a rotation goes on; pure, as the rules of rules.ts. What touches the secret too is in the rules of secrets.
import { CofferError, unreachable } from '../common/index.ts';
import type { ClusterView, ObjectEffect } from './cluster-index.ts';
import { put, remove } from './effects.ts';
import {
  type HoldRotation,
  isRunning,
  NOT_HELD,
  ROTATED_SERVICES_MAX,
  type RotatedState,
  ROTATION_TIMEOUT_MAX_MS,
  ROTATION_TIMEOUT_MIN_MS,
  type RotationCommand,
  type RotationObject,
  type RotationPhase,
  ROTATIONS_KEPT,
  type StepRotation,
} from './rotation.ts';

/** What a service may come to from each state, in each phase. */
const STEPS: Readonly<
  Record<'updating' | 'rolling-back', Partial<Record<RotatedState, readonly RotatedState[]>>>
> = {
  updating: {
    waiting: ['updating', 'gone'],
    // Again, where somebody else has changed the service in between.
    updating: ['updating', 'updated', 'gone'],
  },
  'rolling-back': {
    updating: ['reverting', 'gone', 'failed'],
    updated: ['reverting', 'gone', 'failed'],
    reverting: ['reverting', 'reverted', 'gone', 'failed'],
  },
};

/** A service in another state is still to be done with. */
const SETTLED: Readonly<Record<'updating' | 'rolling-back', readonly RotatedState[]>> = {
  updating: ['updated', 'gone', 'left-out'],
  // One that waits was never touched.
  'rolling-back': ['waiting', 'reverted', 'failed', 'gone', 'left-out'],
};

export function applyRotationCommand(view: ClusterView, command: RotationCommand): readonly ObjectEffect[] {
  switch (command.kind) {
    case 'step-rotation':
      return [put(stepped(runningRotation(view, command.id), command))];
    case 'end-rotation':
      return [put(ended(runningRotation(view, command.id), command.at_ms))];
    case 'hold-rotation':
      return [put(held(runningRotation(view, command.id), command))];
    default:
      return unreachable(command);
  }
}

/** The rotation with this id. Throws `rotation.not-found` if it has ended. */
export function runningRotation(view: ClusterView, id: string): RotationObject {
  const rotation = view.rotation(id);
  if (rotation === undefined || !isRunning(rotation)) {
    throw new CofferError('rotation.not-found', `no rotation ${id} is under way`);
  }
  return rotation;
}

/**
 * A new one; those that have ended give way to it. Throws `rotation.busy` while the secret is being rotated. One without a service
 * that is to be updated has ended with that.
 */
export function begunRotation(view: ClusterView, rotation: RotationObject): readonly ObjectEffect[] {
  const { services, timeout_ms } = rotation;
  const others = view.rotations();
  if (others.some((other) => other.secretId === rotation.secretId && isRunning(other))) {
    throw new CofferError('rotation.busy', `secret ${rotation.secretName} is being rotated already`, {
      hint: `See how far it is: docker coffer rotate --status ${rotation.secretName}`,
    });
  }
  if (view.rotation(rotation.id) !== undefined) {
    throw new CofferError('rotation.refused', 'the id of a rotation is used once');
  }
  if (services.length > ROTATED_SERVICES_MAX) {
    throw new CofferError('rotation.refused', `a rotation updates ${ROTATED_SERVICES_MAX} services at most`);
  }
  if (timeout_ms < ROTATION_TIMEOUT_MIN_MS || timeout_ms > ROTATION_TIMEOUT_MAX_MS) {
    throw new CofferError(
      'rotation.refused',
      'a service is waited for 10 seconds at least, and a day at most',
    );
  }
  const forgotten = others.filter((other) => !isRunning(other)).slice(0, -(ROTATIONS_KEPT - 1));
  const isEmpty = services.every(({ state }) => state === 'left-out');
  return [...forgotten.map(remove), put(isEmpty ? ended(rotation, rotation.begunAt_ms) : rotation)];
}

function stepped(rotation: RotationObject, step: StepRotation): RotationObject {
  const { from, mark, note, serviceId, to } = step;
  const service = rotation.services.find(({ id }) => id === serviceId);
  const allowed = STEPS[phaseOf(rotation)][from] ?? [];
  if (service?.state !== from || !allowed.includes(to)) {
    throw new CofferError(
      'rotation.refused',
      `the rotation of secret ${rotation.secretName} has gone on in another way`,
    );
  }
  const changed = { ...service, ...mark, state: to, note };
  const services = rotation.services.map((one) => (one === service ? changed : one));
  return { ...rotation, ...NOT_HELD, services };
}

function held(rotation: RotationObject, { at_ms, because }: HoldRotation): RotationObject {
  const since_ms = rotation.heldAt_ms === 0 ? at_ms : rotation.heldAt_ms;
  return because === ''
    ? { ...rotation, ...NOT_HELD }
    : { ...rotation, heldAt_ms: since_ms, heldBecause: because };
}

function ended(rotation: RotationObject, at_ms: number): RotationObject {
  const phase = phaseOf(rotation);
  const open = rotation.services.filter(({ state }) => !SETTLED[phase].includes(state));
  if (open.length > 0) {
    throw new CofferError(
      'rotation.refused',
      `the rotation of secret ${rotation.secretName} is not done with ${open.length} services`,
    );
  }
  return { ...rotation, ...NOT_HELD, phase: outcomeOf(rotation), endedAt_ms: at_ms };
}

function outcomeOf(rotation: RotationObject): RotationPhase {
  if (rotation.phase === 'updating') {
    return 'done';
  }
  const isBack = rotation.restoredVersion > 0 && rotation.services.every(({ state }) => state !== 'failed');
  return isBack ? 'rolled-back' : 'failed';
}

function phaseOf({ phase, secretName }: RotationObject): 'updating' | 'rolling-back' {
  if (phase === 'updating' || phase === 'rolling-back') {
    return phase;
  }
  throw new CofferError('rotation.not-found', `the rotation of secret ${secretName} has ended`);
}
