// SPDX-License-Identifier: Apache-2.0
// The Raft core: the algorithm as a pure state machine, without clock, I/O, randomness or promises of its own.
export { asV2, decodeConfChange, encodeConfChange, sameConfState } from './confchange/index.ts';
export { decodeMessage, encodeMessage } from './codec/codec.ts';
export { MESSAGE_LIMITS } from './codec/codec-limits.ts';
export type { RaftConfig } from './config.ts';
export {
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
export { entrySize, limitSize, payloadSize } from './entry-size.ts';
export * from './message.ts';
export { isLocalTarget } from './message-kinds.ts';
export { jointIds } from './quorum/index.ts';
export { RawNode } from './raw-node.ts';
export type { Ready } from './ready.ts';
export type { Refusal } from './refusal.ts';
export type { BasicStatus, Status } from './status.ts';
export type { LogUnavailable, RaftStorage } from './storage.ts';
export { describeProgressMap, type Progress } from './tracker/index.ts';
export * from './types.ts';
