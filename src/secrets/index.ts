// SPDX-License-Identifier: Apache-2.0
export {
  CERTIFICATE_LABELS,
  type CertificatePart,
  certificatePart,
  type CertificateWish,
  certificateWish,
  PART_LABEL,
  storedCertificateLabels,
  storedCertificateWish,
} from './certificate-labels.ts';
export { checkCommand } from './check-command.ts';
export { type Command, DELIVERIES_PER_COMMAND, type PutValue } from './command.ts';
export { decodeCommand, encodeCommand } from './command-codec.ts';
export {
  type Delivery,
  deliveryKey,
  readDelivery,
  sealedDeliveryId,
  sealedValueOf,
  unpinnedKey,
  writeDelivery,
} from './delivery.ts';
export {
  readCount,
  readDestroyed,
  readLabels,
  readOptional,
  readOrigin,
  writeDestroyed,
  writeLabels,
  writeOptional,
} from './fields.ts';
export { findVersion, previousVersion } from './find-version.ts';
export { generateValue } from './generate.ts';
export { LABEL_LIST, LABEL_PLACES, type LabelPlace, RELOAD_LABEL, strayLabels } from './label-list.ts';
export {
  DELIVERIES_KEPT,
  DESTROYED_KEPT,
  ID_LENGTH_MAX,
  LABELS_BYTES_MAX,
  NAME_LENGTH_MAX,
  REQUESTS_KEPT,
  TASK_ID_LENGTH_MAX,
  VALUE_BYTES_MAX,
  VERSIONS_KEPT,
} from './limits.ts';
export {
  currentVersion,
  type DestroyedVersion,
  type EngineBinding,
  hasCurrentValue,
  type Labels,
  nameKey,
  type Origin,
  ORIGINS,
  type Secret,
  type SecretVersion,
} from './model.ts';
export {
  isReservedName,
  NOTICE_MARK_NAME,
  requireOrdinaryName,
  WORKLOAD_AUTHORITY_NAME,
} from './reserved-name.ts';
export { RESTORED_BYTES_MAX, type RestoredVersion, type RestoreSecret } from './restore-command.ts';
export { CANCELLED, PROBLEM_BYTES_MAX, type RotateSecret } from './rotation-command.ts';
export { generatedLabels, ROTATE_LABEL, rotationLabels } from './rotation-labels.ts';
export { newSecretId } from './secret-id.ts';
export {
  applyRequest,
  checkRequestId,
  decodeRequest,
  encodeRequest,
  newRequestId,
  proposerOf,
  type Request,
  REQUEST_ID_BYTES,
  type RequestOutcome,
} from './request.ts';
export {
  isMadeAtFirstUse,
  LABELS,
  noSuchSecret,
  pinIn,
  printable,
  storeNameOf,
  wantedVersion,
} from './source-labels.ts';
export {
  applyCommand,
  type AppliedRequest,
  type Effect,
  type Outcome,
  type SecretsView,
} from './state-machine.ts';
export { DESTROYED_PER_COMMAND, type DestroyVersions, type RollbackSecret } from './version-commands.ts';
export {
  areDestroyed,
  checkLabels,
  KEEP_LABEL,
  checkName,
  checkValueSize,
  isSecretName,
} from './validate.ts';
export { EXPIRES_LABEL, EXPIRY_NOTICE_MS, expiresAt_ms, expiryLabel, valueMadeAt_ms } from './expiry.ts';
export { isCanary } from './canary.ts';
