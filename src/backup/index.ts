// SPDX-License-Identifier: Apache-2.0
export { ExactReader } from './exact-reader.ts';
export type { BackupSummary } from './format.ts';
export {
  type BackupHeader,
  newHeader,
  openHeader,
  type Opening,
  readHeader,
  type Sealing,
} from './header.ts';
export { PASSPHRASE_BYTES_MAX, type ScryptCost } from './passphrase.ts';
export { type BackupRecord, openBackup } from './read-backup.ts';
export {
  formatIdentity,
  formatRecipient,
  type Identity,
  IDENTITY_FILE_BYTES_MAX,
  newIdentity,
  parseIdentityFile,
  parseRecipient,
  type Recipient,
  recipientOf,
} from './recipient.ts';
export { type BackedUpSecret, type BackupOrigin, encodeBackedUp } from './records.ts';
export { type BackupPayload, sealBackup, type SecretRecord } from './write-backup.ts';
