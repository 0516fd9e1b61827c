// SPDX-License-Identifier: Apache-2.0
// The record that says what the state is: how far it is applied, where its records stand, and what they add up to.
import { ByteReader, CofferError, pooledWriter } from '../../common/index.ts';
import { type Keyring, openRecord, sealRecord } from '../../crypto/index.ts';
import type { ConfState, NodeId } from '../../raft/index.ts';
import { APPLIED_KEY, type DatabaseOperation, type DatabaseView } from '../../storage/index.ts';
import { readConfState, readRemovedNodes, writeConfState, writeRemovedNodes } from './record-codec.ts';
import { DELIVERY_RING, pageCount, REQUEST_RING } from './ring-pages.ts';
import { DIGEST_BYTES, StateDigest } from './state-digest.ts';

const WHAT = 'the record of how far the database is applied';

export interface StateHeader {
  /** The last entry of the log that the state has taken up. */
  readonly appliedIndex: number;
  /** The configuration as of that entry. */
  readonly confState: ConfState;
  /** The nodes that were members once: none of them ever is again. */
  readonly removedNodes: ReadonlySet<NodeId>;
  /** The generation whose records are the state; those of others are in the way. */
  readonly generation: number;
  /** How many deliveries were ever recorded. */
  readonly deliveriesRecorded: number;
  /** How many requests were ever applied. */
  readonly requestsApplied: number;
  /** How many objects of the cluster there are. */
  readonly objects: number;
  /** Over all records of secrets, their names, pages of deliveries and of requests, and objects of the cluster. */
  readonly digest: StateDigest;
}

/** How many secrets there are. Each has two records in the digest, its own and that of its name. */
export function secretCount({ digest, deliveriesRecorded, requestsApplied, objects }: StateHeader): number {
  const pages = pageCount(DELIVERY_RING, deliveriesRecorded) + pageCount(REQUEST_RING, requestsApplied);
  const count = (digest.count - pages - objects) / 2;
  if (count < 0 || !Number.isInteger(count)) {
    throw new CofferError('store.damaged', `${WHAT} counts ${digest.count} records, which do not add up`);
  }
  return count;
}

export function headerOperation(keyring: Keyring, header: StateHeader): DatabaseOperation {
  const writer = pooledWriter().u64(header.appliedIndex).u64(header.generation);
  const payload = writeRemovedNodes(writeConfState(writer, header.confState), header.removedNodes)
    .u64(header.deliveriesRecorded)
    .u64(header.requestsApplied)
    .u32(header.objects)
    .u32(header.digest.count)
    .fixed(header.digest.sum)
    .finish();
  return { type: 'put', key: APPLIED_KEY, value: sealRecord(keyring, APPLIED_KEY, payload) };
}

/** Throws `store.damaged` if the record is missing or does not open. */
export function readHeader(database: DatabaseView, keyring: Keyring): StateHeader {
  const record = database.get(APPLIED_KEY, WHAT);
  if (record === undefined) {
    throw new CofferError('store.damaged', `the database has lost ${WHAT}`);
  }
  const reader = new ByteReader(openRecord(keyring, APPLIED_KEY, record, WHAT), WHAT);
  const appliedIndex = reader.u64();
  const generation = reader.u64();
  const confState = readConfState(reader);
  const removedNodes = readRemovedNodes(reader);
  const deliveriesRecorded = reader.u64();
  const requestsApplied = reader.u64();
  const objects = reader.u32();
  const count = reader.u32();
  const digest = new StateDigest(keyring, reader.fixed(DIGEST_BYTES), count);
  reader.finish();
  return {
    appliedIndex,
    confState,
    removedNodes,
    generation,
    deliveriesRecorded,
    requestsApplied,
    objects,
    digest,
  };
}
