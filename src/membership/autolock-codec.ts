// SPDX-License-Identifier: Apache-2.0
// The object of autolock as bytes: see object-codec.ts.
import { type ByteReader, type ByteWriter, CofferError, ownCopy } from '../common/index.ts';
import { type AutolockObject, EARLIER_KEYS_MAX, UNLOCK_KEY_BYTES } from './model.ts';

const WHAT = 'an object of the cluster';

export function writeAutolock(
  writer: ByteWriter,
  { peerUnlock, unlockKey, version }: AutolockObject,
): ByteWriter {
  writer.u64(version).bytes(unlockKey);
  if (peerUnlock !== undefined) {
    writer.u8(peerUnlock.earlierKeys.length);
    peerUnlock.earlierKeys.forEach((key) => writer.fixed(key));
  }
  return writer;
}

export function readAutolock(reader: ByteReader): AutolockObject {
  const version = reader.u64();
  const unlockKey = ownCopy(reader.bytes(UNLOCK_KEY_BYTES));
  if (unlockKey.length !== 0 && unlockKey.length !== UNLOCK_KEY_BYTES) {
    throw new CofferError('store.damaged', `${WHAT} holds a part of an unlock key`);
  }
  return { kind: 'autolock', version, unlockKey };
}

export function readEarlierKeys(reader: ByteReader): readonly Buffer[] {
  const count = reader.u8();
  if (count > EARLIER_KEYS_MAX) {
    throw new CofferError('store.damaged', `${WHAT} holds more unlock keys than are kept`);
  }
  return Array.from({ length: count }, () => ownCopy(reader.fixed(UNLOCK_KEY_BYTES)));
}
