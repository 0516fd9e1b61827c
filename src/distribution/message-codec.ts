// SPDX-License-Identifier: Apache-2.0
// Messages as bytes. What a node says is JSON. What the leader says is the length of a head, the head in JSON, in which each value
// is its size, and then the values, one after the other: no value ever becomes a string. Behind them there are zeros.
import * as v from 'valibot';
import { CofferError, invariant, unreachable } from '../common/index.ts';
import { type ChangeHead, type ManagerHead, managerHead, nodeMessage } from './message-shapes.ts';
import {
  type Change,
  MANAGER_MESSAGE_BYTES_MAX,
  type ManagerMessage,
  NODE_MESSAGE_BYTES_MAX,
  type NodeMessage,
} from './protocol.ts';

const HEAD_LENGTH_BYTES = 4;
/** Bytes that are no UTF-8 would otherwise turn into other names. */
const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Of an assignment's head without its changes: more than it ever takes. */
const FRAME_BYTES_MAX = 256;
/**
 * What came over a connection lies in buffers of TLS, which nobody can wipe, until something else takes its place. So zeros end
 * each assignment, be it one that brings values or one that takes them away: two records of TLS, of which at least one is whole.
 */
export const ZEROS_BYTES = 2 * 16 * 1024;
/** How much the changes of one message may take together, by `changeSize_bytes`. */
export const CHANGES_BYTES_MAX =
  MANAGER_MESSAGE_BYTES_MAX - HEAD_LENGTH_BYTES - FRAME_BYTES_MAX - ZEROS_BYTES;

/** Throws `request.invalid` if it is larger than a node may send: then it has too many containers to tell of. */
export function encodeNodeMessage(message: NodeMessage): Buffer {
  const bytes = Buffer.from(JSON.stringify(message));
  if (bytes.length > NODE_MESSAGE_BYTES_MAX) {
    throw new CofferError(
      'request.invalid',
      `what runs here takes ${bytes.length} bytes to tell, and ${NODE_MESSAGE_BYTES_MAX} is the limit`,
    );
  }
  return bytes;
}

/** Throws `request.invalid` for anything that is no `NodeMessage` within its limits. */
export function decodeNodeMessage(payload: Buffer): NodeMessage {
  if (payload.length > NODE_MESSAGE_BYTES_MAX) {
    throw invalid('a node');
  }
  return read(nodeMessage, payload, 'a node');
}

/** A message with all its zeros, as `encodeUnended` has it otherwise. */
export function encodeManagerMessage(message: ManagerMessage): Buffer {
  const { payload, zeros_bytes } = encodeUnended(message);
  const whole = Buffer.alloc(payload.length + zeros_bytes);
  whole.set(payload);
  payload.fill(0);
  return whole;
}

export interface UnendedMessage {
  readonly payload: Buffer;
  /** As many zeros end it. */
  readonly zeros_bytes: number;
}

/**
 * Copies the values into the message; the caller wipes its own, and the message when it is sent. The changes fit if their
 * `changeSize_bytes` together are at most `CHANGES_BYTES_MAX`. The zeros that end it are left to the one who sends it: they are
 * a hundred times as large as what goes before.
 */
export function encodeUnended(message: ManagerMessage): UnendedMessage {
  const head = Buffer.from(JSON.stringify(headOf(message)));
  const values = valuesOf(message);
  const told_bytes = values.reduce((sum, value) => sum + value.length, 0);
  const size_bytes = HEAD_LENGTH_BYTES + head.length + told_bytes;
  const zeros_bytes = zerosAfter_bytes(message);
  invariant(
    size_bytes + zeros_bytes <= MANAGER_MESSAGE_BYTES_MAX,
    'a message of the leader is within its limit',
  );
  // Outside of Node's shared pool: it is wiped as a whole.
  const payload = Buffer.alloc(size_bytes);
  payload.writeUInt32BE(head.length);
  payload.set(head, HEAD_LENGTH_BYTES);
  let offset = HEAD_LENGTH_BYTES + head.length;
  for (const value of values) {
    payload.set(value, offset);
    offset += value.length;
  }
  return { payload, zeros_bytes };
}

/**
 * The values are copies, outside of Node's shared pool, that the caller wipes; so is the payload. Throws `request.invalid` for
 * anything that is no `ManagerMessage` within its limits, before anything is copied.
 */
export function decodeManagerMessage(payload: Buffer): ManagerMessage {
  if (payload.length > MANAGER_MESSAGE_BYTES_MAX || payload.length < HEAD_LENGTH_BYTES) {
    throw invalid('the leader');
  }
  const end = HEAD_LENGTH_BYTES + payload.readUInt32BE();
  if (end > payload.length) {
    throw invalid('the leader');
  }
  const head = read(managerHead, payload.subarray(HEAD_LENGTH_BYTES, end), 'the leader');
  return withValues(head, payload.subarray(end));
}

/** What a change takes of a message. */
export function changeSize_bytes(change: Change): number {
  const value_bytes = change.kind === 'put-secret' ? change.value.length : 0;
  const comma_bytes = 1;
  return Buffer.byteLength(JSON.stringify(changeHeadOf(change))) + comma_bytes + value_bytes;
}

function zerosAfter_bytes({ kind }: Pick<ManagerMessage, 'kind'>): number {
  return kind === 'assignment' ? ZEROS_BYTES : 0;
}

function headOf(message: ManagerMessage): unknown {
  switch (message.kind) {
    case 'registered':
      return message;
    case 'assignment':
      return { ...message, changes: message.changes.map(changeHeadOf) };
    default:
      return unreachable(message);
  }
}

function changeHeadOf(change: Change): unknown {
  if (change.kind !== 'put-secret') {
    return change;
  }
  const { kind, secretId, name, version, value } = change;
  return { kind, secretId, name, version, size_bytes: value.length };
}

function valuesOf(message: ManagerMessage): readonly Buffer[] {
  const changes = message.kind === 'assignment' ? message.changes : [];
  return changes.flatMap((change) => (change.kind === 'put-secret' ? [change.value] : []));
}

function withValues(head: ManagerHead, values: Buffer): ManagerMessage {
  const changes = head.kind === 'assignment' ? head.changes : [];
  const told_bytes = changes.reduce((sum, change) => sum + valueSize_bytes(change), 0);
  if (told_bytes + zerosAfter_bytes(head) !== values.length) {
    throw invalid('the leader');
  }
  if (head.kind === 'registered') {
    return head;
  }
  let offset = 0;
  return {
    ...head,
    changes: changes.map((change) => {
      if (change.kind !== 'put-secret') {
        return change;
      }
      const { kind, secretId, name, version, size_bytes } = change;
      const value = Buffer.alloc(size_bytes);
      values.copy(value, 0, offset, offset + size_bytes);
      offset += size_bytes;
      return { kind, secretId, name, version, value };
    }),
  };
}

function valueSize_bytes(change: ChangeHead): number {
  return change.kind === 'put-secret' ? change.size_bytes : 0;
}

function read<Shape extends v.GenericSchema>(shape: Shape, bytes: Buffer, who: string): v.InferOutput<Shape> {
  const result = v.safeParse(shape, parse(bytes, who), { abortEarly: true });
  if (!result.success) {
    throw invalid(who);
  }
  return result.output;
}

function parse(bytes: Buffer, who: string): unknown {
  try {
    return JSON.parse(UTF_8.decode(bytes)) as unknown;
  } catch {
    // The parser's own words quote what it has read.
    throw invalid(who);
  }
}

function invalid(who: string): CofferError {
  return new CofferError('request.invalid', `what ${who} has sent is not a message of this protocol`);
}
