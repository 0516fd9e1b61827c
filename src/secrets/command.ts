// SPDX-License-Identifier: Apache-2.0
// The commands that change the secrets, and those of the cluster, as they stand in the replicated log.
import type { SecretValue } from '../common/index.ts';
import type { ClusterCommand } from '../membership/index.ts';
import type { Delivery } from './delivery.ts';
import type { EngineBinding, Labels, Origin } from './model.ts';
import type { RestoreSecret, RestoreVersions } from './restore-command.ts';
import type { RevertRotation, RotateSecret } from './rotation-command.ts';
import type { VersionCommand } from './version-commands.ts';

/** A new secret with its first version. Fails with `secret.exists` if the name is taken. */
export interface CreateSecret {
  readonly kind: 'create';
  /** The id that it gets: 25 characters of base 36, from `newSecretId`. */
  readonly id: string;
  readonly name: string;
  readonly labels: Labels;
  readonly origin: Origin;
  readonly pending: boolean;
  readonly value: SecretValue;
  readonly at_ms: number;
}

/** A pending secret is now registered in the engine under this id. */
export interface ActivateSecret {
  readonly kind: 'activate';
  readonly id: string;
  readonly engine: EngineBinding;
  readonly at_ms: number;
}

/** A new version of the secret of that name; or, where there is none, a new secret with `id`. */
export interface PutValue {
  readonly kind: 'put';
  readonly id: string;
  readonly name: string;
  /** Replaces all labels; absent, they stay. */
  readonly labels: Labels | undefined;
  readonly origin: Origin;
  /**
   * `always`; `absent` makes version 1 or else changes nothing and answers with what is there; a number is the
   * current version that the caller knows, 0 for none, and any other fails with `secret.version-conflict`.
   */
  readonly expect: 'always' | 'absent' | number;
  readonly value: SecretValue;
  readonly at_ms: number;
}

/** Replaces all labels of a secret. */
export interface SetLabels {
  readonly kind: 'set-labels';
  readonly id: string;
  readonly labels: Labels;
  /** Fails with `secret.version-conflict` unless this is the secret's `modifiedIndex`. Absent: not compared. */
  readonly expectIndex: number | undefined;
  readonly at_ms: number;
}

/** Removes a secret with all its versions. Fails with `secret.not-found`. */
export interface RemoveSecret {
  readonly kind: 'remove';
  readonly id: string;
}

/** Remembers which version a task was given. Written after the answer, off its path, and in groups. */
export interface RecordDeliveries {
  readonly kind: 'record-deliveries';
  readonly deliveries: readonly Delivery[];
}

/** The commands that are about secrets. */
export type SecretCommand =
  | CreateSecret
  | ActivateSecret
  | PutValue
  | VersionCommand
  | RotateSecret
  | RevertRotation
  | SetLabels
  | RemoveSecret
  | RecordDeliveries
  | RestoreSecret
  | RestoreVersions;

/** All that can stand in the log. */
export type Command = SecretCommand | ClusterCommand;

/** How many deliveries one command may hold. */
export const DELIVERIES_PER_COMMAND = 1_000;
