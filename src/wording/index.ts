// SPDX-License-Identifier: Apache-2.0
export {
  counted,
  expiryText,
  humanAge,
  humanDuration,
  humanSize,
  humanValidity,
  nextRotationText,
  printable,
} from './human-text.ts';
export { managerStatus, statusText } from './node-text.ts';
export { hasEnded, heldText, outcomeText, serviceText } from './rotation-text.ts';
export { type KnownVersion, versionHistory, type VersionStatus } from './version-history.ts';
