// SPDX-License-Identifier: Apache-2.0
// The sealed payload of a backup in, its secrets out: all of it verified.
import { createHash } from 'node:crypto';
import { unreachable } from '../common/index.ts';
import type { SealingKeyObject } from '../membership/index.ts';
import { ExactReader } from './exact-reader.ts';
import { type BackupSummary, damagedBackup, RECORD_BYTES_MAX } from './format.ts';
import { openChunks } from './open-chunks.ts';
import { decodeSealingKey } from './sealing-keys.ts';
import {
  type BackedUpSecret,
  type BackupOrigin,
  decodeBackedUp,
  decodeOrigin,
  RECORD_HEAD_BYTES,
  type RecordKind,
  recordHead,
  recordKind,
} from './records.ts';
import { encodeEnd } from './write-backup.ts';

/** What a backup holds, in order. `end` comes only when all before it is whole. */
export type BackupRecord =
  | { readonly kind: 'begin'; readonly origin: BackupOrigin }
  /** Before all secrets. */
  | { readonly kind: 'sealing-key'; readonly key: SealingKeyObject }
  | { readonly kind: 'secret'; readonly secret: BackedUpSecret }
  | {
      readonly kind: 'value';
      readonly secret: BackedUpSecret;
      readonly number: number;
      /** In memory of its own, wiped when the next record is asked for. */
      readonly bytes: Buffer;
    }
  | { readonly kind: 'end'; readonly summary: BackupSummary };

/**
 * The records that `source` holds from behind the header to its end, with one chunk and one record in memory. Throws
 * `backup.damaged`, with what is wrong and where; what came before is authentic and not all of it.
 */
export async function* openBackup(payloadKey: Buffer, source: ExactReader): AsyncGenerator<BackupRecord> {
  const content = new ExactReader(openChunks(payloadKey, source));
  const check = new ContentCheck();
  try {
    for (let ended = false; !ended; ) {
      const { kind, body } = await readRecord(content);
      try {
        // Before what is after the end is known, the end is none.
        if (kind === 'end' && !(await content.atEnd())) {
          throw damagedBackup('holds records after its last one');
        }
        yield check.take(kind, body);
        ended = kind === 'end';
      } finally {
        body.fill(0);
      }
    }
  } finally {
    await content.close();
  }
}

async function readRecord(
  content: ExactReader,
): Promise<{ readonly kind: RecordKind; readonly body: Buffer }> {
  const head = await content.read(RECORD_HEAD_BYTES);
  const length = head.length < RECORD_HEAD_BYTES ? 0 : head.readUInt32BE(1);
  if (head.length < RECORD_HEAD_BYTES || length > RECORD_BYTES_MAX) {
    throw damagedBackup('does not end with its last record, or holds one that is too large');
  }
  const body = await content.read(length);
  if (body.length < length) {
    throw damagedBackup('ends within a record');
  }
  return { kind: recordKind(head.readUInt8()), body };
}

/** Whether the records are those of one backup, in their order. */
class ContentCheck {
  readonly #hash = createHash('sha256');
  #origin: BackupOrigin | undefined;
  #secret: BackedUpSecret | undefined;
  /** How many values of the secret have come. */
  #values = 0;
  #secrets = 0;
  #versions = 0;
  #values_bytes = 0;

  take(kind: RecordKind, body: Buffer): BackupRecord {
    if ((kind === 'begin') !== (this.#origin === undefined)) {
      throw damagedBackup('does not begin with what it is of, or says it twice');
    }
    if (kind !== 'value' && this.#values < (this.#secret?.versions.length ?? 0)) {
      throw damagedBackup('lacks a value of a secret');
    }
    if (kind !== 'end') {
      this.#hash.update(recordHead(kind, body.length)).update(body);
    }
    switch (kind) {
      case 'begin':
        this.#origin = decodeOrigin(body);
        return { kind, origin: this.#origin };
      case 'sealing-key':
        if (this.#secret !== undefined) {
          throw damagedBackup('holds a sealing key where secrets stand');
        }
        return { kind, key: decodeSealingKey(body) };
      case 'secret':
        this.#secret = decodeBackedUp(body);
        this.#secrets += 1;
        this.#values = 0;
        return { kind, secret: this.#secret };
      case 'value':
        return this.#value(body);
      case 'end':
        return this.#end(body);
      default:
        return unreachable(kind);
    }
  }

  #value(bytes: Buffer): BackupRecord {
    const secret = this.#secret;
    const version = secret?.versions[this.#values];
    if (secret === undefined || version === undefined || version.size !== bytes.length) {
      throw damagedBackup('holds a value that is not the next one of its secret');
    }
    this.#values += 1;
    this.#versions += 1;
    this.#values_bytes += bytes.length;
    return { kind: 'value', secret, number: version.number, bytes };
  }

  #end(body: Buffer): BackupRecord {
    const end = encodeEnd(this.#secrets, this.#versions, this.#values_bytes, this.#hash.digest());
    if (!end.equals(body)) {
      throw damagedBackup('does not hold as much as it says: its digest differs');
    }
    const summary = {
      appliedIndex: this.#origin?.appliedIndex ?? 0,
      secrets: this.#secrets,
      versions: this.#versions,
      values_bytes: this.#values_bytes,
    };
    return { kind: 'end', summary };
  }
}
