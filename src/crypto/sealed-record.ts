// SPDX-License-Identifier: Apache-2.0
// Records on the disk: sealed under a data key, and bound to the place they stand in.
import { ByteReader, CofferError } from '../common/index.ts';
import { KEY_ID_BYTES, type Keyring, RECORD_FORMAT } from './keyring.ts';
import { open } from './secretbox.ts';

const PLACE_BYTES_MAX = 1_024;

/**
 * Seals `payload` for one place: u8 format (1), the key's id (8 bytes), then nonce and box. secretbox has no
 * associated data, so the place goes into the box before the payload, and `openRecord` compares it: a record
 * that was moved or replayed elsewhere does not open.
 */
export function sealRecord(keyring: Keyring, place: Uint8Array, payload: Uint8Array): Buffer {
  return keyring.seal(place, payload);
}

/**
 * Opens the record that stands in `place`. Throws `store.damaged`, with `what` in the sentence, if its format or
 * key is unknown, it was altered, or it belongs elsewhere. The payload is a view into a buffer of its own, which
 * the caller wipes if it holds a value.
 */
export function openRecord(keyring: Keyring, place: Uint8Array, record: Uint8Array, what: string): Buffer {
  const reader = new ByteReader(record, what);
  const format = reader.u8();
  if (format !== RECORD_FORMAT) {
    throw new CofferError('store.damaged', `${what} has format ${format}, which this version cannot read`);
  }
  const keyId = reader.fixed(KEY_ID_BYTES);
  const key = keyring.find(keyId);
  if (key === undefined) {
    throw new CofferError(
      'store.damaged',
      `${what} is sealed with key ${keyId.toString('hex')}, which is not here`,
    );
  }
  const plaintext = open(key.bytes, reader.rest());
  if (plaintext === undefined) {
    throw new CofferError('store.damaged', `${what} was altered: it is not what was sealed`);
  }
  const content = new ByteReader(plaintext, what);
  if (!content.bytes(PLACE_BYTES_MAX).equals(place)) {
    plaintext.fill(0);
    throw new CofferError('store.damaged', `${what} stands in a place that is not its own`);
  }
  return content.rest();
}
