// SPDX-License-Identifier: Apache-2.0
export { checkSharePlan, combineKeyShares, isKeyShare, splitUnlockKey } from './key-shares.ts';
export { openKeys, sealKeys } from './key-seal.ts';
export { checkKey, type DataKey, dataKey, KEY_ID_BYTES, Keyring } from './keyring.ts';
export {
  isPublicKey,
  openWith,
  PUBLIC_KEY_BYTES,
  publicKeyOf,
  sealTo,
  SEALED_TO_OVERHEAD_BYTES,
} from './sealed-box.ts';
export { openRecord, sealRecord } from './sealed-record.ts';
export {
  KEY_BYTES,
  NONCE_BYTES,
  open,
  type RandomBytes,
  seal,
  SEAL_OVERHEAD_BYTES,
  SealScratch,
} from './secretbox.ts';
export { formatUnlockKey, newUnlockKey, parseUnlockKey, unlockKeyId } from './unlock-key.ts';
export { UnlockKeyHolder } from './unlock-key-holder.ts';
export { readUnlockText } from './unlock-text.ts';
