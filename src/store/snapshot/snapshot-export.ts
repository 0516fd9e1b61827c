// SPDX-License-Identifier: Apache-2.0
// The state as it is on the disk, as a stream for a node that is too far behind for the log.
import { createHash } from 'node:crypto';
import { CofferError } from '../../common/index.ts';
import { type Keyring, openRecord } from '../../crypto/index.ts';
import type { ConfState } from '../../raft/index.ts';
import type { DatabaseView } from '../../storage/index.ts';
import { decodeSecret, encodeSecretName } from '../state/record-codec.ts';
import {
  CHUNK_BYTES_MAX,
  CHUNK_NUMBER_BYTES,
  encodeEnd,
  encodeSnapshotHeader,
  noCounts,
  recordHead,
  type RecordKind,
} from './snapshot-format.ts';
import { StateDigest } from '../state/state-digest.ts';
import { readHeader, type StateHeader } from '../state/state-header.ts';
import { StateKeys } from '../state/state-keys.ts';
import { requireDigest, stateRecords } from '../state/state-records.ts';

export interface ExportedState {
  readonly appliedIndex: number;
  readonly confState: ConfState;
  /** At most 256 KiB each, with values in the clear: whoever takes a chunk wipes it. To be read once. */
  readonly chunks: AsyncIterable<Buffer>;
}

export interface SnapshotRecord {
  readonly kind: RecordKind;
  /** Wiped as soon as the next record is asked for. */
  readonly body: Buffer;
}

/**
 * The state that `view` shows, which must be a point in time and stay open until the last chunk was taken. Only one
 * chunk and one record are in memory at a time. A record that is missing or does not open ends the stream with
 * `store.damaged`; and a stream without its end is no state.
 */
export function exportState(view: DatabaseView, keyring: Keyring): ExportedState {
  const header = readHeader(view, keyring);
  const { appliedIndex, confState } = header;
  return { appliedIndex, confState, chunks: exportChunks(view, keyring, header) };
}

async function* exportChunks(
  view: DatabaseView,
  keyring: Keyring,
  header: StateHeader,
): AsyncGenerator<Buffer> {
  const chunks = new Chunks();
  const hash = createHash('sha256');
  const counts = noCounts();
  for await (const { kind, body } of exportRecords(view, keyring, header)) {
    const head = recordHead(kind, body.length);
    hash.update(head).update(body);
    if (kind !== 'header' && kind !== 'end') {
      counts[kind] += 1;
    }
    try {
      yield* chunks.add(head);
      yield* chunks.add(body);
    } finally {
      body.fill(0);
    }
  }
  const end = encodeEnd(counts, hash.digest());
  yield* chunks.add(recordHead('end', end.length));
  yield* chunks.add(end);
  if (!chunks.empty) {
    yield chunks.take();
  }
}

/** The records of the state as they stand in a snapshot, but for its end. See `exportState`. */
export async function* exportRecords(
  view: DatabaseView,
  keyring: Keyring,
  header: StateHeader,
): AsyncGenerator<SnapshotRecord> {
  const keys = new StateKeys(keyring, header.generation);
  const digest = new StateDigest(keyring);
  yield { kind: 'header', body: encodeSnapshotHeader(header) };
  for await (const body of stateRecords(view, keyring, keys, 'object')) {
    digest.add('object', body);
    yield { kind: 'object', body };
  }
  for await (const body of stateRecords(view, keyring, keys, 'secret')) {
    digest.add('secret', body);
    const secret = decodeSecret(body);
    const { id, versions } = secret;
    // The records of names do not travel: whoever takes the secrets makes its own.
    digest.add('name', encodeSecretName(secret));
    yield { kind: 'secret', body };
    for (const { number } of versions) {
      yield { kind: 'value', body: readValue(view, keyring, keys, id, number) };
    }
  }
  for (const kind of ['delivery', 'request'] as const) {
    for await (const body of stateRecords(view, keyring, keys, kind)) {
      digest.add(kind, body);
      yield { kind, body };
    }
  }
  requireDigest(digest, header.digest);
}

function readValue(
  view: DatabaseView,
  keyring: Keyring,
  keys: StateKeys,
  id: string,
  version: number,
): Buffer {
  const key = keys.value(id, version);
  const what = `the value of version ${version} of secret ${id}`;
  const record = view.get(key, what);
  if (record === undefined) {
    throw new CofferError('store.damaged', `${what} is missing from the database`);
  }
  return openRecord(keyring, key, record, what);
}

/** Bytes in, chunks out. */
class Chunks {
  #chunk = newChunk(0);
  #number = 0;
  #used = CHUNK_NUMBER_BYTES;

  /** Whether nothing was added since the last chunk. */
  get empty(): boolean {
    return this.#used === CHUNK_NUMBER_BYTES;
  }

  /** The chunks that `bytes` make full. */
  *add(bytes: Buffer): Generator<Buffer> {
    let rest = bytes;
    while (rest.length > 0) {
      const copied = rest.copy(this.#chunk, this.#used);
      this.#used += copied;
      rest = rest.subarray(copied);
      if (this.#used === CHUNK_BYTES_MAX) {
        yield this.take();
      }
    }
  }

  /** What was added since the last chunk. */
  take(): Buffer {
    const chunk = this.#chunk.subarray(0, this.#used);
    this.#number += 1;
    this.#chunk = newChunk(this.#number);
    this.#used = CHUNK_NUMBER_BYTES;
    return chunk;
  }
}

function newChunk(number: number): Buffer {
  const chunk = Buffer.alloc(CHUNK_BYTES_MAX);
  chunk.writeUInt32BE(number);
  return chunk;
}
