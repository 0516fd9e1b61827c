// SPDX-License-Identifier: Apache-2.0
// The key slot of a passphrase.
import { randomBytes, scrypt } from 'node:crypto';
import { type ByteReader, type ByteWriter, CofferError } from '../common/index.ts';
import { KEY_BYTES, open, seal, SEAL_OVERHEAD_BYTES } from '../crypto/index.ts';
import { damagedBackup } from './format.ts';

/** What a passphrase costs whoever tries it: memory of 128 * r * 2^log2N bytes, p times. */
export interface ScryptCost {
  readonly log2N: number;
  readonly r: number;
  readonly p: number;
}

/** 128 MiB, and some tenths of a second. */
const SCRYPT_COST: ScryptCost = { log2N: 17, r: 8, p: 1 };
/** Who writes a file must not decide how long its reader works: 512 MiB at most. */
const LOG2_N_MAX = 19;
const R_ONLY = 8;
const P_MAX = 4;

const SALT_BYTES = 32;
const BLOCK_BYTES = 128;
const SEALED_KEY_BYTES = KEY_BYTES + SEAL_OVERHEAD_BYTES;

/** Fewer bytes than this nobody should trust with all secrets of a cluster. */
const PASSPHRASE_BYTES_MIN = 12;
export const PASSPHRASE_BYTES_MAX = 1_024;

export interface PassphraseSlot {
  readonly kind: 'passphrase';
  readonly cost: ScryptCost;
  readonly salt: Buffer;
  /** The file key, sealed under the key that scrypt makes. */
  readonly sealedKey: Buffer;
}

/** Throws `backup.key-invalid` for a passphrase that is too short to seal with, or too long. */
function checkPassphrase(passphrase: Buffer): void {
  if (passphrase.length < PASSPHRASE_BYTES_MIN || passphrase.length > PASSPHRASE_BYTES_MAX) {
    throw new CofferError(
      'backup.key-invalid',
      `a passphrase has ${PASSPHRASE_BYTES_MIN} to ${PASSPHRASE_BYTES_MAX} bytes; this one has ${passphrase.length}`,
      { hint: 'Whoever has the file can try passphrases: make it several random words.' },
    );
  }
}

export async function sealForPassphrase(
  fileKey: Buffer,
  passphrase: Buffer,
  cost: ScryptCost = SCRYPT_COST,
): Promise<PassphraseSlot> {
  checkPassphrase(passphrase);
  const salt = randomBytes(SALT_BYTES);
  const key = await scryptKey(passphrase, salt, cost);
  try {
    return { kind: 'passphrase', cost, salt, sealedKey: seal(key, fileKey) };
  } finally {
    key.fill(0);
  }
}

/** The file key, which the caller wipes; undefined if the passphrase is another one. */
export async function openByPassphrase(
  { cost, salt, sealedKey }: PassphraseSlot,
  passphrase: Buffer,
): Promise<Buffer | undefined> {
  const key = await scryptKey(passphrase, salt, cost);
  try {
    return open(key, sealedKey);
  } finally {
    key.fill(0);
  }
}

export function writePassphraseSlot(writer: ByteWriter, { cost, salt, sealedKey }: PassphraseSlot): void {
  writer.u8(cost.log2N).u8(cost.r).u8(cost.p).fixed(salt).fixed(sealedKey);
}

/** Throws `backup.damaged` for a cost beyond what a reader takes on. */
export function readPassphraseSlot(reader: ByteReader): PassphraseSlot {
  const cost = { log2N: reader.u8(), r: reader.u8(), p: reader.u8() };
  if (cost.log2N < 1 || cost.log2N > LOG2_N_MAX || cost.r !== R_ONLY || cost.p < 1 || cost.p > P_MAX) {
    throw damagedBackup('asks for a scrypt that no version of coffer writes');
  }
  return {
    kind: 'passphrase',
    cost,
    salt: reader.fixed(SALT_BYTES),
    sealedKey: reader.fixed(SEALED_KEY_BYTES),
  };
}

function scryptKey(passphrase: Buffer, salt: Buffer, { log2N, p, r }: ScryptCost): Promise<Buffer> {
  const N = 2 ** log2N;
  // What it needs, and the blocks that it mixes.
  const maxmem = BLOCK_BYTES * r * (N + p + 2);
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, KEY_BYTES, { N, r, p, maxmem }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}
