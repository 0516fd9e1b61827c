// SPDX-License-Identifier: Apache-2.0
// The records of sealing keys, without which what was sealed before would open no more. See format.ts.
import { ByteReader, ByteWriter } from '../common/index.ts';
import { KEY_BYTES, publicKeyOf } from '../crypto/index.ts';
import type { SealingKeyObject } from '../membership/index.ts';
import { ID_LENGTH_MAX } from '../secrets/index.ts';
import { sealingKeyId } from '../sealing/index.ts';
import { readingBackup } from './format.ts';

/** The key's id follows from it. The caller wipes the bytes. */
export function encodeSealingKey(key: SealingKeyObject): Buffer {
  return new ByteWriter()
    .fixed(key.secretKey)
    .text(key.clusterId)
    .u64(key.madeAt_ms)
    .u8(key.active ? 1 : 0)
    .finish();
}

/** Throws `backup.damaged` for what no sealing key can be. */
export function decodeSealingKey(body: Buffer): SealingKeyObject {
  return readingBackup(() => {
    const reader = new ByteReader(body, 'the record of a sealing key');
    const secretKey = Buffer.alloc(KEY_BYTES);
    reader.fixed(KEY_BYTES).copy(secretKey);
    const key: SealingKeyObject = {
      kind: 'sealing-key',
      id: sealingKeyId(publicKeyOf(secretKey)),
      secretKey,
      clusterId: reader.text(ID_LENGTH_MAX),
      madeAt_ms: reader.u64(),
      active: reader.u8() === 1,
    };
    reader.finish();
    return key;
  });
}
