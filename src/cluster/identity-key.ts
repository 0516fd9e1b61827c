// SPDX-License-Identifier: Apache-2.0
// The private key in a node's identity file: in the clear, sealed by the unlock key, or both while autolock changes. The
// files of a node are replaced one after the other; so each can be read with what the other was sealed by before, and after.
import * as v from 'valibot';
import type { SecretValue } from '../common/index.ts';
import { openKeys, sealKeys, unlockKeyId } from '../crypto/index.ts';

const PLACE = 'coffer node key';
const SEALED_CHARACTERS_MAX = 2_048;

/** The unlock key that seals it, or none. */
export type KeyForm = SecretValue | 'clear';

export const sealedKeySchema = v.strictObject({
  unlockKeyId: v.pipe(v.string(), v.maxLength(64)),
  sealed: v.pipe(v.string(), v.maxLength(SEALED_CHARACTERS_MAX), v.base64()),
});

interface WrittenKey {
  readonly key?: string | undefined;
  readonly sealedKeys?: v.InferOutput<typeof sealedKeySchema>[] | undefined;
}

export function writtenKey(key: Buffer, forms: readonly KeyForm[]): WrittenKey {
  const sealers = forms.filter((form) => form !== 'clear');
  const sealedKeys = sealers.map((unlockKey) => ({
    unlockKeyId: unlockKeyId(unlockKey),
    sealed: sealKeys(unlockKey, PLACE, key).toString('base64'),
  }));
  return {
    ...(forms.includes('clear') && { key: key.toString('base64') }),
    ...(sealedKeys.length > 0 && { sealedKeys }),
  };
}

/** The key; undefined if it is in no form that can be read with this unlock key, or without one. */
export function keyOf(
  { key, sealedKeys = [] }: WrittenKey,
  unlockKey: SecretValue | undefined,
): Buffer | undefined {
  if (key !== undefined) {
    return Buffer.from(key, 'base64');
  }
  if (unlockKey === undefined) {
    return undefined;
  }
  const id = unlockKeyId(unlockKey);
  const own = sealedKeys.find((sealed) => sealed.unlockKeyId === id);
  return own && openKeys(unlockKey, PLACE, Buffer.from(own.sealed, 'base64'));
}
