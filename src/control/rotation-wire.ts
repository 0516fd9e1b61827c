// SPDX-License-Identifier: Apache-2.0
// What travels over the control socket about rotations of secrets. Types alone, as in wire.ts.
import type { Freshness } from '../store/index.ts';

/** `updating` and `rolling-back` go on; the others have ended. */
export type RotationPhase = 'updating' | 'rolling-back' | 'done' | 'rolled-back' | 'failed';

export type RotatedState =
  | 'waiting'
  | 'updating'
  | 'updated'
  | 'reverting'
  | 'reverted'
  | 'failed'
  | 'gone'
  | 'left-out';

export interface RotationDescription {
  /** 25 characters of base 36. */
  readonly id: string;
  /** The secret's name. */
  readonly secret: string;
  readonly fromVersion: number;
  readonly toVersion: number;
  /** The version by which the value before was put back; absent: none was. */
  readonly restoredVersion?: number | undefined;
  readonly phase: RotationPhase;
  /** Why it goes or went back. */
  readonly problem?: string | undefined;
  /** For each service. */
  readonly timeout_ms: number;
  /** In the order in which they are updated. */
  readonly services: readonly {
    readonly id: string;
    readonly name: string;
    readonly state: RotatedState;
    /** Why it is left out, or has failed. */
    readonly note?: string | undefined;
  }[];
  readonly begunAt_ms: number;
  readonly endedAt_ms?: number | undefined;
  /** Since when the manager that leads cannot take the next step, and why; absent: it can. */
  readonly heldAt_ms?: number | undefined;
  readonly heldBecause?: string | undefined;
}

/** `POST /v1/secrets/:name/rotate`: as it is when it has begun; with `/cancel` behind that, when it begins to go back. */
export interface RotateReply {
  readonly rotation: RotationDescription;
}

/** `GET /v1/rotations`: the newest first. */
export interface RotationsReply {
  readonly rotations: readonly RotationDescription[];
  readonly freshness: Freshness;
}
