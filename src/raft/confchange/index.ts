// SPDX-License-Identifier: Apache-2.0
export { enterJoint, leaveJoint, simple } from './changer.ts';
export { asV2, enterJointOf, leavesJoint } from './conf-change.ts';
export {
  CONF_CHANGE_CONTEXT_BYTES_MAX,
  CONF_CHANGES_MAX,
  decodeConfChange,
  encodeConfChange,
} from './conf-change-codec.ts';
export type { Changed } from './draft.ts';
export { restore, sameConfState } from './restore.ts';
