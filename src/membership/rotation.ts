// SPDX-License-Identifier: Apache-2.0
// How far a secret's rotation is: a new version, and a rolling update of one service after the other that uses it. It is an object of
// the cluster, so that whoever leads goes on where the one before has left off.

/** `updating` and `rolling-back` go on; the others have ended. */
export const ROTATION_PHASES = ['updating', 'rolling-back', 'done', 'rolled-back', 'failed'] as const;
export type RotationPhase = (typeof ROTATION_PHASES)[number];

/**
 * `updating` and `reverting` were asked of the engine, or are just to be asked; `left-out` was never to be touched; `gone` was removed
 * from the swarm meanwhile; `failed` has not gone back.
 */
export const ROTATED_STATES = [
  'waiting',
  'updating',
  'updated',
  'reverting',
  'reverted',
  'failed',
  'gone',
  'left-out',
] as const;
export type RotatedState = (typeof ROTATED_STATES)[number];

/** What the engine was found to have of a service, and what it is asked for, written down before it is asked. */
export interface RotationMark {
  /** `TaskTemplate.ForceUpdate` that is asked for: what the service has at least once it was. 0: nothing was. */
  readonly forceUpdate: number;
  /** `Version.Index` of the service before that. */
  readonly versionIndex: number;
  /** `UpdateStatus.StartedAt` before that: what tells an older update from the one that is asked for. Empty: there was none. */
  readonly updateStartedAt: string;
}

export interface RotatedService extends RotationMark {
  /** The engine's id of it. */
  readonly id: string;
  readonly name: string;
  readonly state: RotatedState;
  /** Why it is left out, or has failed; else empty. */
  readonly note: string;
}

export interface RotationObject {
  readonly kind: 'rotation';
  /** 25 characters of base 36. */
  readonly id: string;
  readonly secretId: string;
  readonly secretName: string;
  /** The version that counted before, and the one that came with the rotation. */
  readonly fromVersion: number;
  readonly toVersion: number;
  /** The version by which the value before was put back; 0: none was. */
  readonly restoredVersion: number;
  readonly phase: RotationPhase;
  /** Why it goes or went back; else empty. */
  readonly problem: string;
  /** For each service. */
  readonly timeout_ms: number;
  /** In the order in which they are updated. */
  readonly services: readonly RotatedService[];
  readonly begunAt_ms: number;
  /** 0: it goes on. */
  readonly endedAt_ms: number;
  /** Since when the leader cannot take its next step, and why; 0 and empty: it can. */
  readonly heldAt_ms: number;
  readonly heldBecause: string;
}

/**
 * A service has come from one state to the next. Fails with `rotation.not-found` for a rotation that has ended, and with
 * `rotation.refused` where the service is in another state, or the phase is not that of the next one.
 */
export interface StepRotation {
  readonly kind: 'step-rotation';
  readonly id: string;
  readonly serviceId: string;
  readonly from: RotatedState;
  readonly to: RotatedState;
  /** Kept as it is unless given. */
  readonly mark: RotationMark | undefined;
  readonly note: string;
}

/** Fails as `StepRotation` does while there is a service that is not done with. */
export interface EndRotation {
  readonly kind: 'end-rotation';
  readonly id: string;
  readonly at_ms: number;
}

/**
 * The leader cannot take the next step, which every manager is to know: its engine does not answer, for one. Any step that is taken
 * says that it can again. Fails with `rotation.not-found` for a rotation that has ended.
 */
export interface HoldRotation {
  readonly kind: 'hold-rotation';
  readonly id: string;
  /** Empty: it can again. */
  readonly because: string;
  /** Since when. Where it was held before, that counts. */
  readonly at_ms: number;
}

export type RotationCommand = StepRotation | EndRotation | HoldRotation;

/** Of one rotation. */
export const ROTATED_SERVICES_MAX = 500;
/** How many that have ended are remembered. */
export const ROTATIONS_KEPT = 20;
export const ROTATION_TIMEOUT_MIN_MS = 10_000;
export const ROTATION_TIMEOUT_MAX_MS = 24 * 60 * 60 * 1_000;

export const NOT_HELD = { heldAt_ms: 0, heldBecause: '' } as const;

export const NO_MARK: RotationMark = { forceUpdate: 0, versionIndex: 0, updateStartedAt: '' };

export function isRunning({ phase }: RotationObject): boolean {
  return phase === 'updating' || phase === 'rolling-back';
}
