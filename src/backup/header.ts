// SPDX-License-Identifier: Apache-2.0
// The header of a backup: the ways to its key. See format.ts.
import { createHash, randomBytes } from 'node:crypto';
import { ByteReader, ByteWriter, CofferError } from '../common/index.ts';
import { KEY_BYTES } from '../crypto/index.ts';
import { payloadKeyOf } from './chunk-cipher.ts';
import type { ExactReader } from './exact-reader.ts';
import { damagedBackup, DIGEST_BYTES, MAGIC, MAGIC_STEM, readingBackup, SLOTS_MAX } from './format.ts';
import {
  openByPassphrase,
  type PassphraseSlot,
  readPassphraseSlot,
  type ScryptCost,
  sealForPassphrase,
  writePassphraseSlot,
} from './passphrase.ts';
import {
  type Identity,
  openByIdentity,
  readRecipientSlot,
  type Recipient,
  type RecipientSlot,
  sealForRecipient,
  writeRecipientSlot,
} from './recipient.ts';

const LENGTH_BYTES = 4;
/** More than sixteen of the largest slots take. */
const SLOTS_BYTES_MAX = 4 * 1024;
const SLOT_TAG = { passphrase: 1, recipient: 2 } as const;

type Slot = PassphraseSlot | RecipientSlot;

/** Who shall be able to open a backup: at least one way. */
export interface Sealing {
  /** Stays the caller's. */
  readonly passphrase?: Buffer | undefined;
  readonly recipients: readonly Recipient[];
  /** Default: `SCRYPT_COST`. */
  readonly cost?: ScryptCost;
}

/** What opens a backup. Both stay the caller's. */
export type Opening = { readonly passphrase: Buffer } | { readonly identity: Identity };

export interface NewHeader {
  readonly bytes: Buffer;
  /** Of the payload that follows; the caller wipes it. */
  readonly payloadKey: Buffer;
}

export interface BackupHeader {
  readonly slots: readonly Slot[];
  readonly digest: Buffer;
}

/** A header for a new backup. Throws `backup.key-invalid` for what nothing can be sealed with, and for too many recipients. */
export async function newHeader({ cost, passphrase, recipients }: Sealing): Promise<NewHeader> {
  const count = recipients.length + (passphrase === undefined ? 0 : 1);
  if (count < 1 || count > SLOTS_MAX) {
    throw new CofferError(
      'backup.key-invalid',
      `a backup is sealed with 1 to ${SLOTS_MAX} keys, not ${count}`,
    );
  }
  const fileKey = randomBytes(KEY_BYTES);
  try {
    const slots: Slot[] = recipients.map((recipient) => sealForRecipient(fileKey, recipient));
    if (passphrase !== undefined) {
      slots.unshift(await sealForPassphrase(fileKey, passphrase, cost));
    }
    const bytes = encodeHeader(slots);
    return { bytes, payloadKey: payloadKeyOf(fileKey, bytes.subarray(-DIGEST_BYTES)) };
  } finally {
    fileKey.fill(0);
  }
}

/** Reads a file's header. Throws `backup.format` if it is none that this version knows, and `backup.damaged`. */
export async function readHeader(source: ExactReader): Promise<BackupHeader> {
  const magic = await source.read(MAGIC.length);
  if (magic.toString('latin1') !== MAGIC) {
    throw unknownFormat(magic.toString('latin1'));
  }
  const length = await source.read(LENGTH_BYTES);
  const size_bytes = length.length < LENGTH_BYTES ? 0 : length.readUInt32BE();
  if (size_bytes > SLOTS_BYTES_MAX) {
    throw damagedBackup('was altered in its header: no header has that length');
  }
  const slots = await source.read(size_bytes);
  const digest = await source.read(DIGEST_BYTES);
  if (digest.length < DIGEST_BYTES) {
    throw damagedBackup(`was cut off after byte ${source.offset_bytes}, within its header`);
  }
  // Not against an attacker, but so that a damaged header is not taken for a wrong passphrase.
  if (!sha256(magic, length, slots).equals(digest)) {
    throw damagedBackup('was altered in its header: its digest differs');
  }
  return { slots: readingBackup(() => decodeSlots(slots)), digest };
}

/** The key of the payload, which the caller wipes. Throws `backup.key` if the backup does not open in this way. */
export async function openHeader({ digest, slots }: BackupHeader, opening: Opening): Promise<Buffer> {
  const fileKey = await fileKeyOf(slots, opening);
  try {
    return payloadKeyOf(fileKey, digest);
  } finally {
    fileKey.fill(0);
  }
}

async function fileKeyOf(slots: readonly Slot[], opening: Opening): Promise<Buffer> {
  for (const slot of slots) {
    const key =
      'passphrase' in opening
        ? slot.kind === 'passphrase' && (await openByPassphrase(slot, opening.passphrase))
        : slot.kind === 'recipient' && openByIdentity(slot, opening.identity);
    if (key !== undefined && key !== false) {
      return key;
    }
  }
  throw doesNotOpen(slots, opening);
}

function doesNotOpen(slots: readonly Slot[], opening: Opening): CofferError {
  const wanted = 'passphrase' in opening ? 'passphrase' : 'recipient';
  if (!slots.some(({ kind }) => kind === wanted)) {
    return wanted === 'passphrase'
      ? new CofferError('backup.key', 'the backup has no passphrase; it was sealed to recipients alone', {
          hint: 'Name the identity of one of them with --identity FILE.',
        })
      : new CofferError('backup.key', 'the backup has no recipients; it was sealed with a passphrase', {
          hint: 'Leave --identity out, or give the passphrase with --passphrase-file FILE.',
        });
  }
  return wanted === 'passphrase'
    ? new CofferError('backup.key', 'the passphrase is not the one that the backup was sealed with')
    : new CofferError('backup.key', 'the backup was not sealed to the recipient of this identity');
}

function encodeHeader(slots: readonly Slot[]): Buffer {
  const writer = new ByteWriter().u8(slots.length);
  for (const slot of slots) {
    writer.u8(SLOT_TAG[slot.kind]);
    if (slot.kind === 'passphrase') {
      writePassphraseSlot(writer, slot);
    } else {
      writeRecipientSlot(writer, slot);
    }
  }
  const before = Buffer.concat([
    Buffer.from(MAGIC, 'latin1'),
    new ByteWriter().bytes(writer.finish()).finish(),
  ]);
  return Buffer.concat([before, sha256(before)]);
}

function decodeSlots(bytes: Buffer): readonly Slot[] {
  const reader = new ByteReader(bytes, 'its header');
  const count = reader.u8();
  if (count < 1 || count > SLOTS_MAX) {
    throw damagedBackup(`names ${count} keys in its header`);
  }
  const slots = Array.from({ length: count }, () => readSlot(reader));
  reader.finish();
  // Each costs a whole scrypt to whoever tries a passphrase.
  if (slots.filter(({ kind }) => kind === 'passphrase').length > 1) {
    throw damagedBackup('names more than one passphrase in its header');
  }
  return slots;
}

function readSlot(reader: ByteReader): Slot {
  const tag = reader.u8();
  switch (tag) {
    case SLOT_TAG.passphrase:
      return readPassphraseSlot(reader);
    case SLOT_TAG.recipient:
      return readRecipientSlot(reader);
    default:
      throw damagedBackup(`has a key of kind ${tag} in its header, which this version cannot read`);
  }
}

function sha256(...parts: readonly Buffer[]): Buffer {
  return parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
}

function unknownFormat(magic: string): CofferError {
  const [, version] = new RegExp(`^${MAGIC_STEM}(\\d+)\n`).exec(magic) ?? [];
  if (version !== undefined) {
    return new CofferError(
      'backup.format',
      `the backup has format ${version}, which this version of coffer cannot read`,
      { hint: 'Use the version of coffer that made it, or a later one.' },
    );
  }
  return new CofferError('backup.format', 'the file is no backup of coffer: it does not begin as one');
}
