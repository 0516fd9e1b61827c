// SPDX-License-Identifier: Apache-2.0
// The one encoding of the messages that travel between nodes.
//
//   header     u8 version (1), u8 kind, u64 to, u64 from, u64 term
//   MsgProp    entries                                        MsgHeartbeat      u64 commit, context
//   MsgApp     u64 index, u64 logTerm, u64 commit, entries    MsgHeartbeatResp  context
//   MsgAppResp u64 index, u64 logTerm, boolean reject,        MsgVote           u64 index, u64 logTerm, context
//              u64 rejectHint, u64 recoveringTerm             MsgVoteResp       boolean reject, u64 knownCommit, u64 knownCommitTerm
//   MsgSnap    snapshot                                       MsgPreVote        as MsgVote
//   MsgReadIndex       context                                MsgPreVoteResp    as MsgVoteResp
//   MsgReadIndexResp   u64 index, context                     MsgTransferLeader, MsgTimeoutNow   nothing
//
// All integers are unsigned and big-endian; a u64 stays below 2^53. A boolean is a u8, 0 or 1; a context is a u32 length and
// the bytes; entries and snapshot are described in codec-entry.ts and codec-snapshot.ts. Each message has exactly one encoding,
// and every other sequence of bytes is refused.
import { invariant, unreachable } from '../../common/index.ts';
import { encodedEntriesSize, readEntries, writeEntries } from './codec-entry.ts';
import { MESSAGE_LIMITS, type MessageLimits } from './codec-limits.ts';
import { invalidMessage, MessageReader } from './codec-reader.ts';
import { brokenRule } from './codec-rules.ts';
import { readSnapshot, snapshotSize, writeSnapshot } from './codec-snapshot.ts';
import { MessageWriter } from './codec-writer.ts';
import type { MsgVoteResp, PeerMessage } from '../message.ts';

const VERSION = 1;
const HEADER_BYTES = 26;
const U64_BYTES = 8;
const LENGTH_BYTES = 4;

/** The kinds' numbers are those of etcd's raft library, so that whoever knows its traces can read ours. */
const KIND_TAG = {
  MsgProp: 2,
  MsgApp: 3,
  MsgAppResp: 4,
  MsgVote: 5,
  MsgVoteResp: 6,
  MsgSnap: 7,
  MsgHeartbeat: 8,
  MsgHeartbeatResp: 9,
  MsgTransferLeader: 13,
  MsgTimeoutNow: 14,
  MsgReadIndex: 15,
  MsgReadIndexResp: 16,
  MsgPreVote: 17,
  MsgPreVoteResp: 18,
} as const satisfies Record<PeerMessage['type'], number>;

/**
 * The bytes of a message, in a buffer of its own outside Node's shared pool. They hold the entries' data in the clear:
 * the caller wipes them when they have been sent. Throws `internal.invariant` for a message that no receiver would take.
 */
export function encodeMessage(message: PeerMessage): Buffer {
  const broken = brokenRule(message);
  invariant(broken === undefined, `a message to a peer ${broken ?? ''}`);
  const size = HEADER_BYTES + bodySize(message);
  invariant(size <= MESSAGE_LIMITS.message_bytes, 'a message is no longer than its limit');
  const writer = new MessageWriter(size);
  writer.u8(VERSION);
  writer.u8(KIND_TAG[message.type]);
  writer.u64(message.to);
  writer.u64(message.from);
  writer.u64(message.term);
  writeBody(writer, message);
  return writer.finish();
}

/**
 * Reads a message; throws `raft.message-invalid` for bytes that `encodeMessage` does not write, and for what exceeds
 * `limits`. Nothing in the result is a view into `bytes`, which the caller may use again or wipe at once. Allocates no more
 * than the size of `bytes` for data, and one small object for each entry.
 */
export function decodeMessage(bytes: Uint8Array, limits: MessageLimits = MESSAGE_LIMITS): PeerMessage {
  if (bytes.length > limits.message_bytes) {
    throw invalidMessage(`is longer than ${limits.message_bytes} bytes`);
  }
  const reader = new MessageReader(bytes);
  const version = reader.u8();
  if (version !== VERSION) {
    throw invalidMessage(`has version ${version}, which this version of coffer cannot read`);
  }
  const message = readMessage(reader, limits);
  reader.finish();
  const broken = brokenRule(message);
  if (broken !== undefined) {
    wipeEntries(message);
    throw invalidMessage(broken);
  }
  return message;
}

function wipeEntries(message: PeerMessage): void {
  if ('entries' in message) {
    for (const entry of message.entries) {
      entry.data.fill(0);
    }
  }
}

function bodySize(message: PeerMessage): number {
  switch (message.type) {
    case 'MsgProp':
      return encodedEntriesSize(message.entries);
    case 'MsgApp':
      return 3 * U64_BYTES + encodedEntriesSize(message.entries);
    case 'MsgAppResp':
      return 4 * U64_BYTES + 1;
    case 'MsgVote':
    case 'MsgPreVote':
      return 2 * U64_BYTES + contextSize(message.context);
    case 'MsgVoteResp':
    case 'MsgPreVoteResp':
      return 1 + 2 * U64_BYTES;
    case 'MsgSnap':
      return snapshotSize(message.snapshot);
    case 'MsgHeartbeat':
    case 'MsgReadIndexResp':
      return U64_BYTES + contextSize(message.context);
    case 'MsgHeartbeatResp':
    case 'MsgReadIndex':
      return contextSize(message.context);
    case 'MsgTransferLeader':
    case 'MsgTimeoutNow':
      return 0;
    default:
      return unreachable(message);
  }
}

function contextSize(context: Buffer): number {
  invariant(
    context.length <= MESSAGE_LIMITS.context_bytes,
    'the context of a message is no longer than its limit',
  );
  return LENGTH_BYTES + context.length;
}

function writeBody(writer: MessageWriter, message: PeerMessage): void {
  switch (message.type) {
    case 'MsgProp':
      return writeEntries(writer, message.entries);
    case 'MsgApp':
      writer.u64(message.index);
      writer.u64(message.logTerm);
      writer.u64(message.commit);
      return writeEntries(writer, message.entries);
    case 'MsgAppResp':
      writer.u64(message.index);
      writer.u64(message.logTerm);
      writer.boolean(message.reject);
      writer.u64(message.rejectHint);
      return writer.u64(message.recoveringTerm);
    case 'MsgVote':
    case 'MsgPreVote':
      writer.u64(message.index);
      writer.u64(message.logTerm);
      return writer.bytes(message.context);
    case 'MsgVoteResp':
    case 'MsgPreVoteResp':
      writer.boolean(message.reject);
      writer.u64(message.knownCommit);
      return writer.u64(message.knownCommitTerm);
    case 'MsgSnap':
      return writeSnapshot(writer, message.snapshot);
    case 'MsgHeartbeat':
      writer.u64(message.commit);
      return writer.bytes(message.context);
    case 'MsgReadIndexResp':
      writer.u64(message.index);
      return writer.bytes(message.context);
    case 'MsgHeartbeatResp':
    case 'MsgReadIndex':
      return writer.bytes(message.context);
    case 'MsgTransferLeader':
    case 'MsgTimeoutNow':
      return undefined;
    default:
      return unreachable(message);
  }
}

function readMessage(reader: MessageReader, limits: MessageLimits): PeerMessage {
  const kind = reader.u8();
  const envelope = { to: reader.u64(), from: reader.u64(), term: reader.u64() };
  switch (kind) {
    case KIND_TAG.MsgProp:
      return { type: 'MsgProp', ...envelope, entries: readEntries(reader, limits) };
    case KIND_TAG.MsgApp: {
      const position = { index: reader.u64(), logTerm: reader.u64(), commit: reader.u64() };
      return { type: 'MsgApp', ...envelope, ...position, entries: readEntries(reader, limits) };
    }
    case KIND_TAG.MsgAppResp:
      return {
        type: 'MsgAppResp',
        ...envelope,
        index: reader.u64(),
        logTerm: reader.u64(),
        reject: reader.boolean(),
        rejectHint: reader.u64(),
        recoveringTerm: reader.u64(),
      };
    case KIND_TAG.MsgVote:
      return { type: 'MsgVote', ...envelope, ...readCandidacy(reader, limits) };
    case KIND_TAG.MsgPreVote:
      return { type: 'MsgPreVote', ...envelope, ...readCandidacy(reader, limits) };
    case KIND_TAG.MsgVoteResp:
      return { type: 'MsgVoteResp', ...envelope, ...readVote(reader) };
    case KIND_TAG.MsgPreVoteResp:
      return { type: 'MsgPreVoteResp', ...envelope, ...readVote(reader) };
    case KIND_TAG.MsgSnap:
      return { type: 'MsgSnap', ...envelope, snapshot: readSnapshot(reader, limits) };
    case KIND_TAG.MsgHeartbeat:
      return {
        type: 'MsgHeartbeat',
        ...envelope,
        commit: reader.u64(),
        context: readContext(reader, limits),
      };
    case KIND_TAG.MsgHeartbeatResp:
      return { type: 'MsgHeartbeatResp', ...envelope, context: readContext(reader, limits) };
    case KIND_TAG.MsgReadIndex:
      return { type: 'MsgReadIndex', ...envelope, context: readContext(reader, limits) };
    case KIND_TAG.MsgReadIndexResp:
      return {
        type: 'MsgReadIndexResp',
        ...envelope,
        index: reader.u64(),
        context: readContext(reader, limits),
      };
    case KIND_TAG.MsgTransferLeader:
      return { type: 'MsgTransferLeader', ...envelope };
    case KIND_TAG.MsgTimeoutNow:
      return { type: 'MsgTimeoutNow', ...envelope };
    default:
      throw invalidMessage(`has kind ${kind}, which this version of coffer cannot read`);
  }
}

function readCandidacy(
  reader: MessageReader,
  limits: MessageLimits,
): { readonly index: number; readonly logTerm: number; readonly context: Buffer } {
  return { index: reader.u64(), logTerm: reader.u64(), context: readContext(reader, limits) };
}

function readContext(reader: MessageReader, limits: MessageLimits): Buffer {
  return reader.bytes(limits.context_bytes, 'context');
}

function readVote(reader: MessageReader): Pick<MsgVoteResp, 'reject' | 'knownCommit' | 'knownCommitTerm'> {
  return { reject: reader.boolean(), knownCommit: reader.u64(), knownCommitTerm: reader.u64() };
}
