// SPDX-License-Identifier: Apache-2.0
// Which messages may come from whom.
import type { Message, MessageType } from './message.ts';
import { LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, type NodeId } from './types.ts';

/** What a node takes in every role alike; the last two it only sends. */
const COMMON_TYPES = [
  'MsgHup',
  'MsgVote',
  'MsgPreVote',
  'MsgStorageAppendResp',
  'MsgStorageApplyResp',
  'MsgStorageAppend',
  'MsgStorageApply',
] as const satisfies readonly MessageType[];

export type CommonMessage = Extract<Message, { readonly type: (typeof COMMON_TYPES)[number] }>;

/** What a node takes according to its role. */
export type RoleMessage = Exclude<Message, CommonMessage>;

/** They never leave their node, so one that comes from a peer is forged, or an error. */
const LOCAL_TYPES: ReadonlySet<MessageType> = new Set([
  'MsgHup',
  'MsgBeat',
  'MsgUnreachable',
  'MsgSnapStatus',
  'MsgCheckQuorum',
  'MsgStorageAppend',
  'MsgStorageAppendResp',
  'MsgStorageApply',
  'MsgStorageApplyResp',
]);

/** They answer something that only members are asked. */
const RESPONSE_TYPES: ReadonlySet<MessageType> = new Set([
  'MsgAppResp',
  'MsgVoteResp',
  'MsgHeartbeatResp',
  'MsgUnreachable',
  'MsgReadIndexResp',
  'MsgPreVoteResp',
  'MsgStorageAppendResp',
  'MsgStorageApplyResp',
]);

const COMMON_TYPE_SET: ReadonlySet<MessageType> = new Set(COMMON_TYPES);

export function isCommonMessage(message: Message): message is CommonMessage {
  return COMMON_TYPE_SET.has(message.type);
}

export function isLocalMessage({ type }: Message): boolean {
  return LOCAL_TYPES.has(type);
}

export function isResponseMessage({ type }: Message): boolean {
  return RESPONSE_TYPES.has(type);
}

/** Whether it names the writer of the log or the state machine of a node, and no node. */
export function isLocalTarget(id: NodeId): boolean {
  return id === LOCAL_APPEND_THREAD || id === LOCAL_APPLY_THREAD;
}
