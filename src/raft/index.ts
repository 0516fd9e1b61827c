// SPDX-License-Identifier: Apache-2.0
// The Raft core: the algorithm as a pure state machine, without clock, I/O, randomness or promises of its own.
export {
  asV2,
  CONF_CHANGE_CONTEXT_BYTES_MAX,
  CONF_CHANGES_MAX,
  decodeConfChange,
  encodeConfChange,
  sameConfState,
} from './confchange/index.ts';
export { decodeMessage, encodeMessage } from './codec/codec.ts';
export { MESSAGE_LIMITS, type MessageLimits } from './codec/codec-limits.ts';
export { checkConfig, type RaftConfig, type ReadOnlyOption } from './config.ts';
export {
  type DataFormatter,
  describeChanges,
  describeConfState,
  describeEntries,
  describeEntry,
  describeHardState,
  describeMessage,
  describeReady,
  describeSnapshot,
  describeSoftState,
  quoted,
} from './describe.ts';
export { entriesSize, entrySize, limitSize, payloadSize, payloadsSize } from './entry-size.ts';
export * from './message.ts';
export { isLocalMessage, isLocalTarget, isResponseMessage } from './message-kinds.ts';
export { describeJoint, type JointConfig, jointIds } from './quorum/index.ts';
export { RawNode } from './raw-node.ts';
export type { Ready } from './ready.ts';
export type { Refusal } from './refusal.ts';
export type { BasicStatus, Status } from './status.ts';
export type { LogUnavailable, RaftStorage } from './storage.ts';
export {
  confStateOf,
  describeConfig,
  describeProgress,
  describeProgressMap,
  isJoint,
  type Progress,
  type ProgressState,
  type TrackerConfig,
} from './tracker/index.ts';
export * from './types.ts';
