// SPDX-License-Identifier: Apache-2.0
// The payload of a backup of a store, as it is at this moment.
import { type BackupPayload, sealBackup, type SecretRecord } from '../backup/index.ts';
import { CofferError } from '../common/index.ts';
import type { ExportedRecord, SecretStore } from '../store/index.ts';

export interface PayloadOptions {
  /** From `newHeader`; it stays the caller's until the last chunk was read. */
  readonly payloadKey: Buffer;
  /** Of this coffer. */
  readonly version: string;
  readonly createdAt_ms: number;
}

/** All secrets of the store but those that are just being created. */
export async function beginBackup(
  store: SecretStore,
  { createdAt_ms, payloadKey, version }: PayloadOptions,
): Promise<BackupPayload> {
  const records = store.exportSecrets()[Symbol.asyncIterator]();
  const first = await records.next();
  if (first.done === true || first.value.kind !== 'begin') {
    throw new CofferError('internal.invariant', 'an export begins with what it is as of');
  }
  const { appliedIndex } = first.value;
  const { clusterId } = store.status();
  const origin = { clusterId, appliedIndex, createdAt_ms, version };
  return sealBackup(payloadKey, origin, withoutPending({ [Symbol.asyncIterator]: () => records }));
}

/** A secret that is just being created is nobody's yet. */
async function* withoutPending(records: AsyncIterable<ExportedRecord>): AsyncGenerator<SecretRecord> {
  let pending = false;
  for await (const record of records) {
    if (record.kind === 'secret') {
      ({ pending } = record.secret);
    }
    if (record.kind !== 'begin' && !pending) {
      yield record;
    }
  }
}
