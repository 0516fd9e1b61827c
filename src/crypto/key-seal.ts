// SPDX-License-Identifier: Apache-2.0
// Other keys sealed by the unlock key.
import { ByteReader, ByteWriter, invariant, type SecretValue } from '../common/index.ts';
import { open, seal } from './secretbox.ts';

const PLACE_BYTES_MAX = 64;
const WHAT = 'a sealed key';

/** Seals `payload` for one place, so that it opens nowhere else: nonce and box, as of `seal`. */
export function sealKeys(unlockKey: SecretValue, place: string, payload: Uint8Array): Buffer {
  invariant(Buffer.byteLength(place) <= PLACE_BYTES_MAX, 'the place of sealed keys has a short name');
  const writer = new ByteWriter().text(place).fixed(payload);
  const sealed = seal(unlockKey.expose(), writer.finish());
  writer.clear();
  return sealed;
}

/** Opens what `sealKeys` made for this place; undefined for anything else. The caller wipes what it gets. */
export function openKeys(unlockKey: SecretValue, place: string, sealed: Uint8Array): Buffer | undefined {
  const plaintext = open(unlockKey.expose(), sealed);
  if (plaintext === undefined) {
    return undefined;
  }
  const reader = new ByteReader(plaintext, WHAT);
  if (reader.text(PLACE_BYTES_MAX) === place) {
    return reader.rest();
  }
  plaintext.fill(0);
  return undefined;
}
