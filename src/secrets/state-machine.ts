// SPDX-License-Identifier: Apache-2.0
// The rules of the secrets: a pure function from the state and a command to an outcome. No clock, no
// randomness, no I/O: every manager that applies the same log arrives at the same state.
import { CofferError, type ErrorCode, type SecretValue, unreachable } from '../common/index.ts';
import {
  applyClusterCommand,
  type ClusterView,
  isClusterCommand,
  type ObjectEffect,
} from '../membership/index.ts';
import type {
  ActivateSecret,
  Command,
  CreateSecret,
  PutValue,
  RecordDeliveries,
  SetLabels,
} from './command.ts';
import type { Delivery } from './delivery.ts';
import { DELIVERIES_KEPT } from './limits.ts';
import { currentVersion, type Secret } from './model.ts';
import { restore, restoreVersions } from './restore.ts';
import { revertRotation, rotate } from './rotations.ts';
import { checkLabels, checkName, checkValueSize } from './validate.ts';
import { destroy, prune, rollback, withNewVersion } from './versions.ts';

/** What the rules ask of the state. */
export interface SecretsView {
  byId(id: string): Secret | undefined;
  /** Without regard to case. */
  byName(name: string): Secret | undefined;
  /** How many deliveries were ever recorded. */
  readonly deliveriesRecorded: number;
  readonly cluster: ClusterView;
  /** One of the last `REQUESTS_KEPT` applied requests. */
  requestById(id: string): AppliedRequest | undefined;
  /** How many requests were ever applied. */
  readonly requestsApplied: number;
}

/** What is remembered of a request that came out of the log. */
export interface AppliedRequest {
  readonly id: string;
  /** The entry of the log that it was first in. */
  readonly index: number;
  /** The secret that it concerned, if it was one. */
  readonly secretId: string | undefined;
  /** What it was refused with; undefined if it was done. */
  readonly refusal: ErrorCode | undefined;
}

/** A change of the state that a command asks for. */
export type Effect =
  | ObjectEffect
  | { readonly kind: 'put-secret'; readonly secret: Secret }
  | { readonly kind: 'delete-secret'; readonly secret: Secret }
  | {
      readonly kind: 'put-value';
      readonly secretId: string;
      readonly version: number;
      readonly value: SecretValue;
    }
  /** Of one version to another of the same secret, before any effect that follows. */
  | {
      readonly kind: 'copy-value';
      readonly secretId: string;
      readonly from: number;
      readonly version: number;
    }
  | { readonly kind: 'delete-value'; readonly secretId: string; readonly version: number }
  /** Takes the place of whatever was delivered `DELIVERIES_KEPT` deliveries before. */
  | { readonly kind: 'put-delivery'; readonly slot: number; readonly delivery: Delivery }
  /** Takes the place of whatever was applied `REQUESTS_KEPT` requests before. */
  | { readonly kind: 'put-request'; readonly slot: number; readonly request: AppliedRequest };

/** What the rules refuse a command with. */
const REFUSALS = /^(?:secret|cluster|grant|policy|rotation)\./;

/** What a command came to. A refused command changes nothing. */
export type Outcome = AppliedOutcome | { readonly kind: 'refused'; readonly error: CofferError };

export interface AppliedOutcome {
  readonly kind: 'applied';
  /** The secret as it is now, or as it was when the command removed it. */
  readonly secret: Secret | undefined;
  readonly effects: readonly Effect[];
}

/** Applies the command that stands at `index` in the log. Never throws for what a user can send. */
export function applyCommand(view: SecretsView, command: Command, index: number): Outcome {
  try {
    return applyChecked(view, command, index);
  } catch (thrown) {
    if (thrown instanceof CofferError && REFUSALS.test(thrown.code)) {
      return { kind: 'refused', error: thrown };
    }
    throw thrown;
  }
}

function applyChecked(view: SecretsView, command: Command, index: number): Outcome {
  if (isClusterCommand(command)) {
    return { kind: 'applied', secret: undefined, effects: applyClusterCommand(view.cluster, command) };
  }
  switch (command.kind) {
    case 'create':
      return create(view, command, index);
    case 'activate':
      return activate(view, command, index);
    case 'put':
      return put(view, command, index);
    case 'set-labels':
      return setLabels(view, command, index);
    case 'remove':
      return remove(existing(view, command.id));
    case 'record-deliveries':
      return recordDeliveries(view, command);
    case 'rollback':
      return rollback(existing(view, command.id), command, index);
    case 'destroy':
      return destroy(existing(view, command.id), command, index);
    case 'prune':
      return prune(existing(view, command.id), command, index);
    case 'rotate':
      return rotate(view, existing(view, command.id), command, index);
    case 'revert-rotation':
      return revertRotation(view, command, index);
    case 'restore':
      return restore(view, command, index);
    case 'restore-versions':
      return restoreVersions(view, command, index);
    default:
      return unreachable(command);
  }
}

function create(view: SecretsView, command: CreateSecret, index: number): Outcome {
  checkName(command.name);
  checkLabels(command.labels);
  checkValueSize(command.value.byteLength);
  if (view.byName(command.name) !== undefined || view.byId(command.id) !== undefined) {
    throw new CofferError('secret.exists', `secret ${command.name} already exists`);
  }
  return withNewVersion(
    {
      id: command.id,
      name: command.name,
      labels: command.labels,
      origin: command.origin,
      pending: command.pending,
      engine: undefined,
      versions: [],
      destroyed: [],
      createdAt_ms: command.at_ms,
      updatedAt_ms: command.at_ms,
      modifiedIndex: index,
    },
    command.value,
    command.at_ms,
  );
}

function activate(view: SecretsView, command: ActivateSecret, index: number): Outcome {
  const secret = existing(view, command.id);
  return changed({
    ...secret,
    pending: false,
    engine: command.engine,
    updatedAt_ms: command.at_ms,
    modifiedIndex: index,
  });
}

function put(view: SecretsView, command: PutValue, index: number): Outcome {
  const secret = view.byName(command.name);
  if (command.expect === 'absent' && secret !== undefined) {
    return { kind: 'applied', secret, effects: [] };
  }
  const current = secret === undefined ? 0 : currentVersion(secret).number;
  if (typeof command.expect === 'number' && command.expect !== current) {
    throw new CofferError(
      'secret.version-conflict',
      `secret ${command.name} is at version ${current}, not ${command.expect}`,
    );
  }
  if (secret === undefined) {
    const { id, name, origin, value, at_ms } = command;
    const labels = command.labels ?? {};
    return create(view, { kind: 'create', id, name, labels, origin, pending: false, value, at_ms }, index);
  }
  checkLabels(command.labels ?? {});
  checkValueSize(command.value.byteLength);
  return withNewVersion(
    {
      ...secret,
      labels: command.labels ?? secret.labels,
      updatedAt_ms: command.at_ms,
      modifiedIndex: index,
    },
    command.value,
    command.at_ms,
  );
}

function setLabels(view: SecretsView, command: SetLabels, index: number): Outcome {
  const secret = existing(view, command.id);
  checkLabels(command.labels);
  if (command.expectIndex !== undefined && command.expectIndex !== secret.modifiedIndex) {
    throw new CofferError('secret.version-conflict', 'update out of sequence');
  }
  return changed({ ...secret, labels: command.labels, updatedAt_ms: command.at_ms, modifiedIndex: index });
}

function remove(secret: Secret): Outcome {
  const values = secret.versions.map(
    ({ number }): Effect => ({ kind: 'delete-value', secretId: secret.id, version: number }),
  );
  return { kind: 'applied', secret, effects: [{ kind: 'delete-secret', secret }, ...values] };
}

function recordDeliveries(view: SecretsView, command: RecordDeliveries): Outcome {
  const effects = command.deliveries.map(
    (delivery, offset): Effect => ({
      kind: 'put-delivery',
      slot: (view.deliveriesRecorded + offset) % DELIVERIES_KEPT,
      delivery,
    }),
  );
  return { kind: 'applied', secret: undefined, effects };
}

function changed(secret: Secret): Outcome {
  return { kind: 'applied', secret, effects: [{ kind: 'put-secret', secret }] };
}

function existing(view: SecretsView, id: string): Secret {
  const secret = view.byId(id);
  if (secret === undefined) {
    throw new CofferError('secret.not-found', `secret ${id} not found`);
  }
  return secret;
}
