// SPDX-License-Identifier: Apache-2.0
// Recipients, to whom a backup can be sealed without any secret at hand, and the identities that open it:
//
//   coffer-backup-recipient-1-<public key, 64>-<checksum, 8>       lengths in hexadecimal digits
//   coffer-backup-identity-1-<secret key, 64>-<checksum, 8>
//
// The keys are X25519. The checksum is the first 4 bytes of a SHA-256 of all before it: against slips of the hand.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { type ByteReader, type ByteWriter, CofferError } from '../common/index.ts';
import {
  KEY_BYTES,
  openWith,
  PUBLIC_KEY_BYTES,
  publicKeyOf,
  SEALED_TO_OVERHEAD_BYTES,
  sealTo,
} from '../crypto/index.ts';

const PREFIX = {
  recipient: 'coffer-backup-recipient-1',
  identity: 'coffer-backup-identity-1',
} as const;
type KeyKind = keyof typeof PREFIX;

const CHECKSUM_DIGITS = 8;
const SEALED_KEY_BYTES = KEY_BYTES + SEALED_TO_OVERHEAD_BYTES;
/** Much more than a file with an identity and what is said about it. */
export const IDENTITY_FILE_BYTES_MAX = 64 * 1024;

/** A public key, 32 bytes. */
export interface Recipient {
  readonly publicKey: Buffer;
}

/** A secret key, 32 bytes, which its owner wipes. */
export interface Identity {
  readonly secretKey: Buffer;
}

export interface RecipientSlot {
  readonly kind: 'recipient';
  /** The file key, sealed to the recipient; who that is, it does not say. */
  readonly sealedKey: Buffer;
}

export function newIdentity(): Identity {
  return { secretKey: randomBytes(KEY_BYTES) };
}

export function recipientOf({ secretKey }: Identity): Recipient {
  return { publicKey: publicKeyOf(secretKey) };
}

export function formatRecipient({ publicKey }: Recipient): string {
  return formatKey('recipient', publicKey);
}

export function formatIdentity({ secretKey }: Identity): string {
  return formatKey('identity', secretKey);
}

/** Reads a recipient; throws `backup.key-invalid` with what is wrong with it. */
export function parseRecipient(text: string): Recipient {
  return { publicKey: parseKey('recipient', text, PUBLIC_KEY_BYTES) };
}

/** Reads an identity out of a file's text, in which lines that begin with # say something about it. Throws `backup.key-invalid`. */
export function parseIdentityFile(text: string): Identity {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const [line = '', second] = lines;
  if (second !== undefined) {
    throw invalid('identity', 'the file holds more than one line besides those that begin with #');
  }
  return { secretKey: parseKey('identity', line, KEY_BYTES) };
}

export function sealForRecipient(fileKey: Buffer, { publicKey }: Recipient): RecipientSlot {
  return { kind: 'recipient', sealedKey: sealTo(publicKey, fileKey) };
}

/** The file key, which the caller wipes; undefined if the slot is another recipient's. */
export function openByIdentity({ sealedKey }: RecipientSlot, { secretKey }: Identity): Buffer | undefined {
  return openWith(secretKey, sealedKey);
}

export function writeRecipientSlot(writer: ByteWriter, { sealedKey }: RecipientSlot): void {
  writer.fixed(sealedKey);
}

export function readRecipientSlot(reader: ByteReader): RecipientSlot {
  return { kind: 'recipient', sealedKey: reader.fixed(SEALED_KEY_BYTES) };
}

function formatKey(kind: KeyKind, key: Buffer): string {
  const text = `${PREFIX[kind]}-${key.toString('hex')}`;
  return `${text}-${checksum(text)}`;
}

function parseKey(kind: KeyKind, given: string, size_bytes: number): Buffer {
  const text = given.trim().toLowerCase();
  const other = kind === 'identity' ? 'recipient' : 'identity';
  if (text.startsWith(`${PREFIX[other]}-`)) {
    throw invalid(kind, `it is ${other === 'identity' ? 'an identity, which is secret' : 'a recipient'}`);
  }
  if (!text.startsWith(`${PREFIX[kind]}-`)) {
    throw invalid(kind, `it does not begin with ${PREFIX[kind]}-`);
  }
  const [, digits = '', check = ''] =
    /^([0-9a-f]+)-([0-9a-f]+)$/.exec(text.slice(PREFIX[kind].length + 1)) ?? [];
  if (digits.length !== 2 * size_bytes || check.length !== CHECKSUM_DIGITS) {
    throw invalid(kind, 'a piece of it is missing, or there is one too many');
  }
  // Both have eight digits.
  if (!timingSafeEqual(Buffer.from(checksum(`${PREFIX[kind]}-${digits}`)), Buffer.from(check))) {
    throw invalid(kind, 'it was mistyped: its checksum does not match');
  }
  return Buffer.from(digits, 'hex');
}

function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, CHECKSUM_DIGITS);
}

/** No piece of the key is repeated. */
function invalid(kind: KeyKind, how: string): CofferError {
  return new CofferError('backup.key-invalid', `this is no ${kind} of a backup: ${how}`, {
    hint:
      kind === 'recipient'
        ? 'docker coffer backup-key prints the recipient of a new identity.'
        : 'An identity is the file that docker coffer backup-key has written.',
  });
}
