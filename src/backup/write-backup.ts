// SPDX-License-Identifier: Apache-2.0
// Secrets in, the sealed payload of a backup out.
import { createHash } from 'node:crypto';
import { ByteWriter, invariant, unreachable } from '../common/index.ts';
import type { SealingKeyObject } from '../membership/index.ts';
import type { Secret } from '../secrets/index.ts';
import type { BackupSummary } from './format.ts';
import { type BackupOrigin, encodeBackedUp, encodeOrigin, type RecordKind, recordHead } from './records.ts';
import { encodeSealingKey } from './sealing-keys.ts';
import { sealChunks } from './seal-chunks.ts';

/** The sealing keys; then a secret, and after it the values of its versions in their order. The bytes stay the caller's. */
export type SecretRecord =
  | { readonly kind: 'sealing-key'; readonly key: SealingKeyObject }
  | { readonly kind: 'secret'; readonly secret: Secret }
  | { readonly kind: 'value'; readonly bytes: Buffer };

export interface BackupPayload {
  /** To be read once, with one chunk and one record in memory. */
  readonly chunks: AsyncIterable<Buffer>;
  /** What was written, once the last chunk was read. */
  readonly summary: () => BackupSummary;
}

/** The payload of a backup under a key from `newHeader`, which stays the caller's until the last chunk was read. */
export function sealBackup(
  payloadKey: Buffer,
  origin: BackupOrigin,
  records: AsyncIterable<SecretRecord>,
): BackupPayload {
  const content = new Content(origin);
  return {
    chunks: sealChunks(payloadKey, content.pieces(records)),
    summary: () => content.summary(),
  };
}

class Content {
  readonly #origin: BackupOrigin;
  readonly #hash = createHash('sha256');
  #secrets = 0;
  #versions = 0;
  #values_bytes = 0;
  /** The sizes of the values that are still to come of the last secret. */
  #awaited: readonly number[] = [];
  #ended = false;

  constructor(origin: BackupOrigin) {
    this.#origin = origin;
  }

  summary(): BackupSummary {
    invariant(this.#ended, 'a backup is summed up when it is whole');
    return {
      appliedIndex: this.#origin.appliedIndex,
      secrets: this.#secrets,
      versions: this.#versions,
      values_bytes: this.#values_bytes,
    };
  }

  async *pieces(records: AsyncIterable<SecretRecord>): AsyncGenerator<Buffer> {
    yield* this.#record('begin', encodeOrigin(this.#origin));
    for await (const record of records) {
      yield* this.#pieceOf(record);
    }
    this.#requireValues();
    yield* this.#record(
      'end',
      encodeEnd(this.#secrets, this.#versions, this.#values_bytes, this.#hash.digest()),
    );
    this.#ended = true;
  }

  #pieceOf(record: SecretRecord): Iterable<Buffer> {
    switch (record.kind) {
      case 'sealing-key':
        return this.#sealingKey(record.key);
      case 'secret':
        return this.#secret(record.secret);
      case 'value':
        return this.#value(record.bytes);
      default:
        return unreachable(record);
    }
  }

  *#sealingKey(key: SealingKeyObject): Generator<Buffer> {
    invariant(this.#secrets === 0, 'the sealing keys stand before all secrets of a backup');
    const body = encodeSealingKey(key);
    try {
      yield* this.#record('sealing-key', body);
    } finally {
      body.fill(0);
    }
  }

  #secret(secret: Secret): Iterable<Buffer> {
    this.#requireValues();
    this.#awaited = secret.versions.map(({ size }) => size);
    this.#secrets += 1;
    return this.#record('secret', encodeBackedUp(secret));
  }

  #value(bytes: Buffer): Iterable<Buffer> {
    const [size, ...rest] = this.#awaited;
    invariant(size === bytes.length, 'each value of a backup is that of the next version of its secret');
    this.#awaited = rest;
    this.#versions += 1;
    this.#values_bytes += bytes.length;
    return this.#record('value', bytes);
  }

  #requireValues(): void {
    invariant(this.#awaited.length === 0, 'a backup has the values of all versions');
  }

  *#record(kind: RecordKind, body: Buffer): Generator<Buffer> {
    const head = recordHead(kind, body.length);
    if (kind !== 'end') {
      this.#hash.update(head).update(body);
    }
    yield head;
    yield body;
  }
}

/** What the content ends with. */
export function encodeEnd(secrets: number, versions: number, values_bytes: number, digest: Buffer): Buffer {
  return new ByteWriter().u32(secrets).u32(versions).u64(values_bytes).fixed(digest).finish();
}
