// SPDX-License-Identifier: Apache-2.0
export { checkKey, type DataKey, dataKey, KEY_ID_BYTES, Keyring } from './keyring.ts';
export { openRecord, sealRecord } from './sealed-record.ts';
export { KEY_BYTES, NONCE_BYTES, open, type RandomBytes, seal, SEAL_OVERHEAD_BYTES } from './secretbox.ts';
