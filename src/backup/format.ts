// SPDX-License-Identifier: Apache-2.0
// A backup: one file that says how its key is had, and then the secrets, sealed in chunks. docs/backup.md tells it to users.
//
//   file      header, then chunks up to the last one, and nothing after it
//   header    "coffer-backup/1\n"; u32 length of the slots; slots; SHA-256 of all before it
//   slots     u8 count (1 to 16), and that many slots, each of which gives the file key (32 random bytes):
//             1  passphrase   u8 log2 N, u8 r, u8 p, salt (32 bytes): scrypt (RFC 7914) makes a key of them and the
//                             passphrase; then the file key in secretbox under it: nonce (24 bytes), box (48 bytes)
//             2  recipient    the file key in NaCl's box, to the recipient from a key pair that is used once: its public key
//                             (32 bytes), nonce (24 bytes), box (48 bytes)
//   keys      payload key = HKDF-SHA-256 of the file key, with the header's SHA-256 as salt: another header, another key
//             nonce prefix = HKDF-SHA-256 of the payload key, 15 bytes
//   chunk     u32: the highest bit says that it is the last one, the others the length of the box; and the box, a secretbox
//             under the payload key, with the nonce: prefix, u64 number of the chunk from 0, u8 1 for the last one or else 0
//             (STREAM: Hoang, Reyhanitabar, Rogaway, Vizár 2015). Each holds 64 KiB of the content, the last one the rest
//   content   records: u8 kind, u32 length, body
//             1  begin    u8 format (1), the cluster's id, u64 applied index, u64 time in ms, version of coffer
//             2  secret   id, name, labels, u8 origin, u64 created and u64 updated in ms, u32 count of versions, and of each
//                         u32 number, u64 created in ms, u32 size
//             3  value    the bytes of a version's value; they follow their secret, one for each version, oldest first
//             4  end      u32 secrets, u32 values, u64 bytes of values, and the SHA-256 of all records before it
//             5  sealing key   before all secrets: the secret key (32 bytes), id of the cluster that has made it, u64 time in ms,
//                         u8 1 for the active one or else 0
//
// Integers are big-endian; texts and labels are as in `ByteWriter` and `writeLabels`.
import { CofferError } from '../common/index.ts';
import { LABELS_BYTES_MAX } from '../secrets/index.ts';

export const MAGIC = 'coffer-backup/1\n';
/** What all versions of the format begin with. */
export const MAGIC_STEM = 'coffer-backup/';
export const SLOTS_MAX = 16;
export const DIGEST_BYTES = 32;

/** Of the content, in each chunk but the last. */
export const CHUNK_BYTES = 64 * 1024;

/** No record is larger: see the snapshot's, which is bounded alike. */
export const RECORD_BYTES_MAX = 9 * LABELS_BYTES_MAX + 64 * 1024;

/** What was backed up, as the end of the content and the daemon's answer tell it. */
export interface BackupSummary {
  readonly appliedIndex: number;
  readonly secrets: number;
  readonly versions: number;
  /** Of all values together. */
  readonly values_bytes: number;
}

export function damagedBackup(how: string): CofferError {
  return new CofferError('backup.damaged', `the backup ${how}`, {
    hint: 'Nothing of it can be trusted from there on. Take another copy of the file.',
  });
}

/** Runs `read`: what cannot be read, and what no secret can be, is the backup's own damage. */
export function readingBackup<T>(read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof CofferError && thrown.code === 'store.damaged') {
      throw damagedBackup(`cannot be read: ${thrown.detail}`);
    }
    if (thrown instanceof CofferError && thrown.code.startsWith('secret.')) {
      throw damagedBackup(`holds what cannot be restored: ${thrown.detail}`);
    }
    throw thrown;
  }
}
