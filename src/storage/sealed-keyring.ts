// SPDX-License-Identifier: Apache-2.0
import { ByteReader, ByteWriter, ownCopy, type SecretValue } from '../common/index.ts';
import { type DataKey, dataKey, KEY_BYTES, Keyring, openKeys, sealKeys } from '../crypto/index.ts';

const PLACE = 'coffer key file';

/** The keys of a node, as they are or as they shall be once they are written. A keyring is such a set. */
export interface KeySet {
  readonly active: DataKey;
  readonly retired: readonly DataKey[];
  readonly indexKey: Buffer;
}

/** All keys, sealed by the unlock key: u8 count of data keys, the active one first, then the index key. */
export function sealKeyring({ active, indexKey, retired }: KeySet, unlockKey: SecretValue): Buffer {
  const keys = [active, ...retired];
  const writer = new ByteWriter().u8(keys.length);
  for (const { bytes } of keys) {
    writer.fixed(bytes);
  }
  const sealed = sealKeys(unlockKey, PLACE, writer.fixed(indexKey).finish());
  writer.clear();
  return sealed;
}

/** The keyring again; undefined if it does not open under this key. */
export function openKeyring(sealed: Uint8Array, unlockKey: SecretValue): Keyring | undefined {
  const content = openKeys(unlockKey, PLACE, sealed);
  if (content === undefined) {
    return undefined;
  }
  const reader = new ByteReader(content, 'the sealed keys');
  const keys = Array.from({ length: reader.u8() }, () => dataKey(ownCopy(reader.fixed(KEY_BYTES))));
  const indexKey = ownCopy(reader.fixed(KEY_BYTES));
  reader.finish();
  content.fill(0);
  const [active, ...retired] = keys;
  return active && new Keyring(active, retired, indexKey);
}
