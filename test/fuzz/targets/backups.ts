// SPDX-License-Identifier: Apache-2.0
// Backups, as somebody might write them who knows their keys.
import { createHash } from 'node:crypto';
import { ExactReader, openBackup, openHeader, readHeader, recipientOf } from '../../../src/backup/index.ts';
import { CHUNK_BYTES, MAGIC, RECORD_BYTES_MAX } from '../../../src/backup/format.ts';
import { sealForRecipient } from '../../../src/backup/recipient.ts';
import {
  decodeBackedUp,
  decodeOrigin,
  encodeBackedUp,
  encodeOrigin,
  RECORD_HEAD_BYTES,
  RECORD_TAG,
  recordHead,
} from '../../../src/backup/records.ts';
import { sealChunks } from '../../../src/backup/seal-chunks.ts';
import { decodeSealingKey, encodeSealingKey } from '../../../src/backup/sealing-keys.ts';
import { encodeEnd } from '../../../src/backup/write-backup.ts';
import { aSealingKey } from '../../support/cluster-objects.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { inventSecrets, ORIGIN } from '../../unit/backup/backup-harness.ts';
import { CANARY } from '../canary.ts';
import { codes, type FuzzTarget, stable } from '../target.ts';
import { SEED } from './seed.ts';

const identity = { secretKey: Buffer.from(CANARY.repeat(2)) };
const payloadKey = Buffer.alloc(32, 5);

async function* piecesOf(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes.subarray(0, 11);
  yield bytes.subarray(11);
}

/** The slots of a header, with the digest that belongs to them. */
async function openSlots(slots: Buffer): Promise<void> {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(slots.length);
  const before = Buffer.concat([Buffer.from(MAGIC), length, slots]);
  const file = Buffer.concat([before, createHash('sha256').update(before).digest()]);
  await openHeader(await readHeader(new ExactReader(piecesOf(file))), { identity });
}

function slots(): Buffer {
  const { sealedKey } = sealForRecipient(Buffer.alloc(32, 9), recipientOf(identity));
  const passphrase = Buffer.concat([Buffer.of(1, 17, 8, 1), Buffer.alloc(32 + 72, 3)]);
  return Buffer.concat([Buffer.of(2), passphrase, Buffer.of(2), sealedKey]);
}

/** Records with the end that belongs to them, as far as they can be told. */
async function openContent(records: Buffer): Promise<void> {
  const counted = { secrets: 0, versions: 0, values_bytes: 0 };
  for (let at = 0; at + RECORD_HEAD_BYTES <= records.length; ) {
    const size_bytes = records.readUInt32BE(at + 1);
    counted.secrets += records[at] === RECORD_TAG.secret ? 1 : 0;
    counted.versions += records[at] === RECORD_TAG.value ? 1 : 0;
    counted.values_bytes += records[at] === RECORD_TAG.value ? size_bytes : 0;
    at += RECORD_HEAD_BYTES + size_bytes;
  }
  const digest = createHash('sha256').update(records).digest();
  const end = encodeEnd(counted.secrets, counted.versions, counted.values_bytes, digest);
  const content = Buffer.concat([records, recordHead('end', end.length), end]);
  await drain(openBackup(payloadKey, new ExactReader(sealChunks(payloadKey, piecesOf(content)))));
}

async function drain(records: AsyncIterable<unknown>): Promise<void> {
  for await (const record of records) {
    void record;
  }
}

function content(): Buffer {
  const random = new SeededRandom(SEED);
  const records: Buffer[] = [];
  const add = (kind: keyof typeof RECORD_TAG, body: Buffer): void => {
    records.push(recordHead(kind, body.length), body);
  };
  add('begin', encodeOrigin(ORIGIN));
  add('sealing-key', encodeSealingKey(aSealingKey('one')));
  for (const { secret, values } of inventSecrets(random, 3, 40)) {
    add('secret', encodeBackedUp(secret));
    values.forEach((value) => add('value', value));
  }
  return Buffer.concat(records);
}

const damaged = codes('backup.damaged');

export const backupTargets: readonly FuzzTarget[] = [
  {
    name: 'backup/slots',
    seeds: () => [slots()],
    refuses: codes('backup.damaged', 'backup.key'),
    run: openSlots,
    cost: 8,
  },
  {
    name: 'backup/contents',
    seeds: () => [content()],
    refuses: damaged,
    run: openContent,
    cost: 16,
    size_bytes_max: 16 * 1024,
    // One record of any size may be announced, and a chunk of its size.
    memory_bytes: RECORD_BYTES_MAX + 32 * CHUNK_BYTES,
  },
  {
    name: 'backup/origins',
    seeds: () => [encodeOrigin(ORIGIN)],
    refuses: damaged,
    run: stable(decodeOrigin, encodeOrigin),
  },
  {
    name: 'backup/secrets',
    seeds: () => inventSecrets(new SeededRandom(SEED), 3, 40).map(({ secret }) => encodeBackedUp(secret)),
    refuses: damaged,
    run: stable(decodeBackedUp, encodeBackedUp),
  },
  {
    name: 'backup/sealing-keys',
    seeds: () => [encodeSealingKey(aSealingKey('one'))],
    refuses: damaged,
    run: stable(decodeSealingKey, encodeSealingKey),
    cost: 8,
  },
];
