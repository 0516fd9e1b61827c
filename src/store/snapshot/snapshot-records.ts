// SPDX-License-Identifier: Apache-2.0
import { invariant } from '../../common/index.ts';
import {
  CHUNK_BYTES_MAX,
  CHUNK_NUMBER_BYTES,
  damagedSnapshot,
  RECORD_BYTES_MAX,
  RECORD_HEAD_BYTES,
  recordKind,
  type RecordKind,
} from './snapshot-format.ts';

export interface SnapshotRecord {
  readonly kind: RecordKind;
  /** In memory of its own, which the receiver wipes. */
  readonly body: Buffer;
}

/** Chunks in, records out. Holds the beginning of one record between two chunks. */
export class RecordAssembler {
  #number = 0;
  readonly #head = Buffer.alloc(RECORD_HEAD_BYTES);
  #headUsed = 0;
  #kind: RecordKind = 'header';
  #body: Buffer | undefined;
  #bodyUsed = 0;

  /** Whether the last chunk ended with a record. */
  get atBoundary(): boolean {
    return this.#headUsed === 0;
  }

  /** The records that end within the chunk. Throws `store.damaged` if it is not the one that comes next, or too large. */
  *add(chunk: Buffer): Generator<SnapshotRecord> {
    if (chunk.length <= CHUNK_NUMBER_BYTES || chunk.length > CHUNK_BYTES_MAX) {
      throw damagedSnapshot(`has a chunk of ${chunk.length} bytes`);
    }
    const number = chunk.readUInt32BE();
    if (number !== this.#number) {
      throw damagedSnapshot(`goes on with chunk ${number} where ${this.#number} comes next`);
    }
    this.#number += 1;
    let rest = chunk.subarray(CHUNK_NUMBER_BYTES);
    while (rest.length > 0) {
      rest = rest.subarray(this.#body === undefined ? this.#fillHead(rest) : this.#fillBody(rest));
      if (this.#body !== undefined && this.#bodyUsed === this.#body.length) {
        yield this.#takeRecord();
      }
    }
  }

  /** Returns how many bytes it took. */
  #fillHead(bytes: Buffer): number {
    const taken = bytes.copy(this.#head, this.#headUsed);
    this.#headUsed += taken;
    if (this.#headUsed === RECORD_HEAD_BYTES) {
      const length = this.#head.readUInt32BE(1);
      if (length > RECORD_BYTES_MAX) {
        throw damagedSnapshot(`holds a record of ${length} bytes where ${RECORD_BYTES_MAX} is the limit`);
      }
      this.#kind = recordKind(this.#head.readUInt8());
      this.#body = Buffer.alloc(length);
    }
    return taken;
  }

  #fillBody(bytes: Buffer): number {
    invariant(this.#body !== undefined, 'a body is filled after its head');
    const taken = bytes.copy(this.#body, this.#bodyUsed);
    this.#bodyUsed += taken;
    return taken;
  }

  #takeRecord(): SnapshotRecord {
    invariant(this.#body !== undefined, 'a record has a body');
    const record = { kind: this.#kind, body: this.#body };
    this.#body = undefined;
    this.#bodyUsed = 0;
    this.#headUsed = 0;
    return record;
  }
}
