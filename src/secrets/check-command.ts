// SPDX-License-Identifier: Apache-2.0
// What is asked of a command before it goes into the log. What is committed must be readable and applicable on
// every manager, at every start.
import { ByteReader, ByteWriter, CofferError, unreachable } from '../common/index.ts';
import {
  type ClusterCommand,
  isClusterCommand,
  readClusterCommand,
  ROTATED_SERVICES_MAX,
  TEXT_BYTES_MAX,
  writeClusterCommand,
} from '../membership/index.ts';
import { type Command, type CreateSecret, DELIVERIES_PER_COMMAND, type PutValue } from './command.ts';
import type { Delivery } from './delivery.ts';
import { DESTROYED_KEPT, ID_LENGTH_MAX, TASK_ID_LENGTH_MAX, VERSIONS_KEPT } from './limits.ts';
import type { DestroyedVersion, Labels } from './model.ts';
import { RESTORED_BYTES_MAX, type RestoredVersion, type RestoreSecret } from './restore-command.ts';
import { PROBLEM_BYTES_MAX, type RotateSecret } from './rotation-command.ts';
import { DESTROYED_PER_COMMAND, type VersionCommand } from './version-commands.ts';
import { CERTIFICATE_LABELS, certificateWish } from './certificate-labels.ts';
import { requireOrdinaryName } from './reserved-name.ts';
import { checkLabels, checkName, checkValueSize, KEEP_LABEL, versionsToKeep } from './validate.ts';

const U32_MAX = 0xffff_ffff;

/** Throws the `secret.*` code of what the rules would refuse anyway, and `request.invalid` for other bounds. */
export function checkCommand(command: Command): void {
  if (isClusterCommand(command)) {
    checkReadable(command);
    return;
  }
  switch (command.kind) {
    case 'create':
      checkCreate(command);
      break;
    case 'activate':
      [command.id, command.engine.secretId, command.engine.swarmId].forEach(checkId);
      checkTime(command.at_ms);
      break;
    case 'put':
      checkPut(command);
      break;
    case 'set-labels':
      checkId(command.id);
      checkOwnLabels(command.labels);
      checkInteger(command.expectIndex ?? 0, 'an index', Number.MAX_SAFE_INTEGER);
      checkTime(command.at_ms);
      break;
    case 'rollback':
    case 'destroy':
    case 'prune':
      checkVersionCommand(command);
      break;
    case 'rotate':
      checkRotate(command);
      break;
    case 'revert-rotation':
      checkId(command.id);
      checkLength(command.problem, PROBLEM_BYTES_MAX);
      checkTime(command.at_ms);
      break;
    case 'remove':
      checkId(command.id);
      break;
    case 'record-deliveries':
      checkDeliveries(command.deliveries);
      break;
    case 'restore':
      checkRestore(command);
      break;
    case 'restore-versions':
      checkId(command.id);
      checkRestored(command.versions);
      break;
    default:
      unreachable(command);
  }
}

/** They are few, and small: what can be written and read back can be applied. */
function checkReadable(command: ClusterCommand): void {
  const bytes = writeClusterCommand(new ByteWriter(), command).finish();
  try {
    readClusterCommand(new ByteReader(bytes, 'a command of the cluster'));
  } catch (thrown) {
    throw new CofferError('request.invalid', CofferError.from(thrown).detail, { cause: thrown });
  } finally {
    bytes.fill(0);
  }
}

function checkCreate(command: CreateSecret): void {
  checkId(command.id);
  checkName(command.name);
  checkWriter(command);
  checkOwnLabels(command.labels);
  checkValueSize(command.value.byteLength);
  checkTime(command.at_ms);
}

function checkPut(command: PutValue): void {
  checkId(command.id);
  checkName(command.name);
  checkWriter(command);
  checkOwnLabels(command.labels ?? {});
  checkValueSize(command.value.byteLength);
  if (typeof command.expect === 'number') {
    checkVersion(command.expect);
  }
  checkTime(command.at_ms);
}

/** What coffer keeps for itself nobody else writes. */
function checkWriter({ name, origin }: Pick<PutValue, 'name' | 'origin'>): void {
  if (origin !== 'generated') {
    requireOrdinaryName(name);
  }
}

/** Those of certificates are checked here alone: the rules know nothing of them, on no version of coffer. */
function checkOwnLabels(labels: Labels): void {
  checkLabels(labels);
  if (certificateWish(labels) !== undefined && versionsToKeep(labels) < 2) {
    throw new CofferError(
      'secret.label-invalid',
      `label ${CERTIFICATE_LABELS.name} needs a version to go back to: ${KEEP_LABEL} is 2 or more`,
    );
  }
}

function checkVersionCommand(command: VersionCommand): void {
  checkId(command.id);
  switch (command.kind) {
    case 'rollback':
      checkVersion(command.version);
      checkVersion(command.expect ?? 0);
      break;
    case 'destroy':
      checkInteger(command.numbers.length, 'a list of versions', DESTROYED_PER_COMMAND);
      command.numbers.forEach(checkVersion);
      break;
    case 'prune':
      checkInteger(command.keep, 'what is kept', VERSIONS_KEPT);
      checkInteger(command.keep - 1, 'what is kept besides the current version', VERSIONS_KEPT - 1);
      break;
    default:
      unreachable(command);
  }
  checkTime(command.at_ms);
}

function checkRotate(command: RotateSecret): void {
  [command.id, command.rotationId].forEach(checkId);
  checkVersion(command.expect ?? 0);
  checkTime(command.timeout_ms);
  checkValueSize(command.value.byteLength);
  checkInteger(command.services.length, 'a list of services', ROTATED_SERVICES_MAX);
  for (const service of command.services) {
    checkId(service.id);
    [service.name, service.note, service.updateStartedAt].forEach((text) => checkText(text));
    checkInteger(service.forceUpdate, 'a count of updates', Number.MAX_SAFE_INTEGER);
    checkInteger(service.versionIndex, 'an index', Number.MAX_SAFE_INTEGER);
  }
  checkTime(command.at_ms);
}

function checkRestore(command: RestoreSecret): void {
  checkId(command.id);
  checkName(command.name);
  checkLabels(command.labels);
  checkTime(command.createdAt_ms);
  checkTime(command.updatedAt_ms);
  checkRestored(command.versions);
  checkDestroyed(command.destroyed);
}

function checkRestored(versions: readonly RestoredVersion[]): void {
  let size_bytes = 0;
  for (const { number, createdAt_ms, value } of versions) {
    checkVersion(number);
    checkTime(createdAt_ms);
    checkValueSize(value.byteLength);
    size_bytes += value.byteLength;
  }
  checkInteger(versions.length, 'a list of versions', VERSIONS_KEPT);
  checkInteger(size_bytes, 'what one command restores', RESTORED_BYTES_MAX);
}

function checkDestroyed(destroyed: readonly DestroyedVersion[]): void {
  checkInteger(destroyed.length, 'a list of destroyed versions', DESTROYED_KEPT);
  for (const { createdAt_ms, destroyedAt_ms, number, size } of destroyed) {
    checkVersion(number);
    checkTime(createdAt_ms);
    checkTime(destroyedAt_ms);
    checkValueSize(size);
  }
}

function checkDeliveries(deliveries: readonly Delivery[]): void {
  checkInteger(deliveries.length, 'a list of deliveries', DELIVERIES_PER_COMMAND);
  for (const { at_ms, name, secretId, taskId, version } of deliveries) {
    checkLength(taskId, TASK_ID_LENGTH_MAX);
    checkId(secretId);
    checkName(name);
    checkVersion(version);
    checkTime(at_ms);
  }
}

function checkText(text: string): void {
  if (Buffer.byteLength(text) > TEXT_BYTES_MAX) {
    throw new CofferError('request.invalid', `a text has at most ${TEXT_BYTES_MAX} bytes`);
  }
}

function checkId(id: string): void {
  checkLength(id, ID_LENGTH_MAX);
}

function checkLength(id: string, limit: number): void {
  if (Buffer.byteLength(id) > limit) {
    throw new CofferError('request.invalid', `an id has at most ${limit} bytes`);
  }
}

function checkTime(time_ms: number): void {
  checkInteger(time_ms, 'a time', Number.MAX_SAFE_INTEGER);
}

function checkVersion(number: number): void {
  checkInteger(number, 'a version', U32_MAX);
}

function checkInteger(value: number, what: string, limit: number): void {
  if (!Number.isInteger(value) || value < 0 || value > limit) {
    throw new CofferError('request.invalid', `${what} is 0 to ${limit}`);
  }
}
