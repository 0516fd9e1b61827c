// SPDX-License-Identifier: Apache-2.0
// Conf changes as they stand in the data of a log entry.
import { ByteReader, ByteWriter, CofferError, unreachable } from '../../common/index.ts';
import {
  type AnyConfChange,
  CONF_CHANGE_TRANSITIONS,
  CONF_CHANGE_TYPES,
  type ConfChange,
  type ConfChangeSingle,
  type ConfChangeV2,
  type EntryType,
  LOCAL_APPLY_THREAD,
  NONE,
  type NodeId,
} from '../types.ts';

/** How many changes one conf change may ask for. */
export const CONF_CHANGES_MAX = 64;

/** How many bytes the context of a conf change may have. */
export const CONF_CHANGE_CONTEXT_BYTES_MAX = 64 * 1024;

const FORMAT = 1;

/**
 * The bytes of a conf change: u8 format (1); then for the first form u8 type and u64 node, or for the second one u8
 * transition, u8 count, and as many pairs of u8 type and u64 node; then u32 length and context. As in etcd's raft
 * library, a change in which everything is empty or has its first value has no bytes at all, so that no limit on
 * sizes ever holds up the entry by which a leader leaves a joint configuration. Throws `request.invalid` for a change
 * beyond the limits.
 */
export function encodeConfChange(change: AnyConfChange): Buffer {
  checkLimit(change.context.length, CONF_CHANGE_CONTEXT_BYTES_MAX, 'bytes of context');
  if (hasNoBytes(change)) {
    return Buffer.alloc(0);
  }
  const writer = new ByteWriter().u8(FORMAT);
  switch (change.kind) {
    case 'v1':
      writeSingle(writer, change);
      break;
    case 'v2':
      checkLimit(change.changes.length, CONF_CHANGES_MAX, 'changes');
      writer.u8(CONF_CHANGE_TRANSITIONS.indexOf(change.transition)).u8(change.changes.length);
      for (const single of change.changes) {
        writeSingle(writer, single);
      }
      break;
    default:
      return unreachable(change);
  }
  return writer.bytes(change.context).finish();
}

/**
 * Reads the data of an `EntryConfChange` or an `EntryConfChangeV2`; the result shares nothing with it. Throws
 * `request.invalid` for bytes that `encodeConfChange` does not write: they may have come from a peer.
 */
export function decodeConfChange(type: EntryType, data: Buffer): AnyConfChange {
  if (type === 'EntryNormal') {
    throw new CofferError('request.invalid', 'an EntryNormal holds no conf change');
  }
  if (data.length === 0) {
    return type === 'EntryConfChange'
      ? { kind: 'v1', type: CONF_CHANGE_TYPES[0], nodeId: NONE, context: Buffer.alloc(0) }
      : { kind: 'v2', transition: CONF_CHANGE_TRANSITIONS[0], changes: [], context: Buffer.alloc(0) };
  }
  const change = readChange(type, new ByteReader(data, 'a conf change'));
  if (hasNoBytes(change)) {
    throw new CofferError('request.invalid', 'a conf change has bytes where it is written without any');
  }
  return change;
}

function readChange(type: 'EntryConfChange' | 'EntryConfChangeV2', reader: ByteReader): AnyConfChange {
  try {
    const format = reader.u8();
    if (format !== FORMAT) {
      throw new CofferError(
        'request.invalid',
        `a conf change has format ${format}, which this version cannot read`,
      );
    }
    const change = type === 'EntryConfChange' ? readV1(reader) : readV2(reader);
    reader.finish();
    return change;
  } catch (error) {
    // The reader speaks of damage. Here it is no worse than a request that cannot be understood.
    const { code, detail } = CofferError.from(error);
    throw code === 'store.damaged' ? new CofferError('request.invalid', detail, { cause: error }) : error;
  }
}

function readV1(reader: ByteReader): ConfChange {
  return { kind: 'v1', ...readSingle(reader), context: readContext(reader) };
}

function readV2(reader: ByteReader): ConfChangeV2 {
  const transition = readWord(reader, CONF_CHANGE_TRANSITIONS);
  const count = reader.u8();
  checkLimit(count, CONF_CHANGES_MAX, 'changes');
  const changes = Array.from({ length: count }, () => readSingle(reader));
  return { kind: 'v2', transition, changes, context: readContext(reader) };
}

function readContext(reader: ByteReader): Buffer {
  return Buffer.from(reader.bytes(CONF_CHANGE_CONTEXT_BYTES_MAX));
}

function writeSingle(writer: ByteWriter, { type, nodeId }: ConfChangeSingle): void {
  checkNodeId(nodeId);
  writer.u8(CONF_CHANGE_TYPES.indexOf(type)).u64(nodeId);
}

function readSingle(reader: ByteReader): ConfChangeSingle {
  const type = readWord(reader, CONF_CHANGE_TYPES);
  const nodeId = reader.u64();
  checkNodeId(nodeId);
  return { type, nodeId };
}

function readWord<Word extends string>(reader: ByteReader, words: readonly Word[]): Word {
  const tag = reader.u8();
  const word = words[tag];
  if (word === undefined) {
    throw new CofferError(
      'request.invalid',
      `a conf change holds ${tag} where ${words.length} words are known`,
    );
  }
  return word;
}

function hasNoBytes(change: AnyConfChange): boolean {
  if (change.context.length > 0) {
    return false;
  }
  return change.kind === 'v1'
    ? change.type === CONF_CHANGE_TYPES[0] && change.nodeId === NONE
    : change.transition === CONF_CHANGE_TRANSITIONS[0] && change.changes.length === 0;
}

/** `NONE` is let through: a change of nobody is one that changes nothing. */
function checkNodeId(id: NodeId): void {
  if (!Number.isSafeInteger(id) || id < NONE || id >= LOCAL_APPLY_THREAD) {
    throw new CofferError('request.invalid', `a conf change names node ${id}, which no node is called`);
  }
}

function checkLimit(count: number, limit: number, what: string): void {
  if (count > limit) {
    throw new CofferError(
      'request.invalid',
      `a conf change has ${count} ${what}, where ${limit} is the limit`,
    );
  }
}
