// SPDX-License-Identifier: Apache-2.0
// The record of where the retained log begins.
import { ByteReader, ByteWriter, CofferError } from '../common/index.ts';
import { type Keyring, openRecord, sealRecord } from '../crypto/index.ts';
import type { DatabaseOperation, DatabaseView } from './database.ts';
import { LOG_DIGEST_BYTES, type LogPosition } from './log-chain.ts';
import { LOG_START_KEY } from './places.ts';

export interface LogStart {
  /** The last entry before the retained ones. */
  readonly position: LogPosition;
  /**
   * How often entries gave way to others, or to a snapshot. Without it, a log that a leader has cut and one that lost
   * its end look the same.
   */
  readonly rewrites: number;
}

/** Before the first entry there ever was. */
export const LOG_ORIGIN: LogPosition = { index: 0, term: 0, digest: Buffer.alloc(LOG_DIGEST_BYTES) };

export function logStartOperation(keyring: Keyring, { position, rewrites }: LogStart): DatabaseOperation {
  const payload = new ByteWriter()
    .u64(position.index)
    .u64(position.term)
    .fixed(position.digest)
    .u64(rewrites)
    .finish();
  return { type: 'put', key: LOG_START_KEY, value: sealRecord(keyring, LOG_START_KEY, payload) };
}

/** Throws `store.damaged` if the record is missing or does not open. */
export function readLogStart(database: DatabaseView, keyring: Keyring): LogStart {
  const what = 'the record of where the log begins';
  const record = database.get(LOG_START_KEY, what);
  if (record === undefined) {
    throw new CofferError('store.damaged', `the database has lost ${what}`);
  }
  const reader = new ByteReader(openRecord(keyring, LOG_START_KEY, record, what), what);
  const start: LogStart = {
    position: {
      index: reader.u64(),
      term: reader.u64(),
      digest: Buffer.from(reader.fixed(LOG_DIGEST_BYTES)),
    },
    rewrites: reader.u64(),
  };
  reader.finish();
  return start;
}
