// SPDX-License-Identifier: Apache-2.0
// A state as it travels to another node: a stream of records in the clear, cut into chunks. Each node seals what it takes
// under its own keys, so what travels is protected by the connection alone.
//
//   chunk    u32 number, counted from 0, and the next bytes of the stream; a record may go on in the next chunk
//   record   u8 kind, u32 length, body
//   stream   header; the objects of the cluster; each secret, followed by the values of its versions, oldest first;
//            pages of deliveries, and then of requests, in their order; end
//   header   u8 format (1), u64 applied index, configuration, nodes that were removed, u64 deliveries and u64 requests
//            there ever were
//   end      u32 secrets, u32 values, u32 deliveries, u32 requests, u32 objects, and the SHA-256 of all records before it
import { ByteReader, ByteWriter, CofferError } from '../../common/index.ts';
import type { ConfState, NodeId } from '../../raft/index.ts';
import { LABELS_BYTES_MAX } from '../../secrets/index.ts';
import { readConfState, readRemovedNodes, writeConfState, writeRemovedNodes } from '../state/record-codec.ts';

/** No chunk is larger. */
export const CHUNK_BYTES_MAX = 256 * 1024;
export const CHUNK_NUMBER_BYTES = 4;
export const RECORD_HEAD_BYTES = 1 + 4;

/**
 * No record is larger: the largest is that of a secret with as many labels of one byte as there may be, each of which
 * has two lengths of 4 bytes, and the rest is far less than 64 KiB.
 */
export const RECORD_BYTES_MAX = 9 * LABELS_BYTES_MAX + 64 * 1024;

const RECORD_TAG = {
  header: 1,
  secret: 2,
  value: 3,
  delivery: 4,
  request: 5,
  end: 6,
  object: 7,
} as const;
export type RecordKind = keyof typeof RECORD_TAG;

const FORMAT = 1;

/** What the stream begins with. */
export interface SnapshotHeader {
  readonly appliedIndex: number;
  readonly confState: ConfState;
  readonly removedNodes: ReadonlySet<NodeId>;
  readonly deliveriesRecorded: number;
  readonly requestsApplied: number;
}

/** How many records of each kind there are. */
export interface SnapshotCounts {
  secret: number;
  value: number;
  delivery: number;
  request: number;
  object: number;
}

export function noCounts(): SnapshotCounts {
  return { secret: 0, value: 0, delivery: 0, request: 0, object: 0 };
}

export function recordKind(tag: number): RecordKind {
  switch (tag) {
    case RECORD_TAG.header:
      return 'header';
    case RECORD_TAG.secret:
      return 'secret';
    case RECORD_TAG.value:
      return 'value';
    case RECORD_TAG.delivery:
      return 'delivery';
    case RECORD_TAG.request:
      return 'request';
    case RECORD_TAG.object:
      return 'object';
    case RECORD_TAG.end:
      return 'end';
    default:
      throw damagedSnapshot(`holds a record of kind ${tag}, which this version cannot read`);
  }
}

export function encodeSnapshotHeader(header: SnapshotHeader): Buffer {
  const writer = new ByteWriter().u8(FORMAT).u64(header.appliedIndex);
  return writeRemovedNodes(writeConfState(writer, header.confState), header.removedNodes)
    .u64(header.deliveriesRecorded)
    .u64(header.requestsApplied)
    .finish();
}

export function decodeSnapshotHeader(body: Buffer): SnapshotHeader {
  const reader = new ByteReader(body, 'the header of a snapshot');
  const format = reader.u8();
  if (format !== FORMAT) {
    throw damagedSnapshot(`has format ${format}, which this version cannot read`);
  }
  const header: SnapshotHeader = {
    appliedIndex: reader.u64(),
    confState: readConfState(reader),
    removedNodes: readRemovedNodes(reader),
    deliveriesRecorded: reader.u64(),
    requestsApplied: reader.u64(),
  };
  reader.finish();
  return header;
}

export function encodeEnd(counts: SnapshotCounts, digest: Buffer): Buffer {
  return new ByteWriter()
    .u32(counts.secret)
    .u32(counts.value)
    .u32(counts.delivery)
    .u32(counts.request)
    .u32(counts.object)
    .fixed(digest)
    .finish();
}

/** The head that goes before a record's body. */
export function recordHead(kind: RecordKind, length: number): Buffer {
  return new ByteWriter().u8(RECORD_TAG[kind]).u32(length).finish();
}

export function damagedSnapshot(how: string): CofferError {
  return new CofferError('store.damaged', `a snapshot of the state ${how}`);
}
