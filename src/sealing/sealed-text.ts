// SPDX-License-Identifier: Apache-2.0
// A sealed value as text: one word for a label, of characters that mean nothing to YAML, shells and Compose.
//
//   coffer-sealed-1.<base64url, without padding, of: header, box>
//
// header: key id (8 bytes), value id (8), length (u8) and UTF-8 of the cluster's id. box: see `sealTo`.
import { CofferError, invariant } from '../common/index.ts';
import { SEALED_TO_OVERHEAD_BYTES } from '../crypto/index.ts';
import { ID_LENGTH_MAX, VALUE_BYTES_MAX } from '../secrets/index.ts';
import { paddedSize } from './padding.ts';
import { SEALING_KEY_ID_BYTES } from './sealing-key.ts';

/** The 1 is the format's version. */
const SEALED_PREFIX = 'coffer-sealed-1.';
/** All of them, wherever they stand in a text. */
export const SEALED_PATTERN = /coffer-sealed-1\.[A-Za-z0-9_-]+/g;

export const VALUE_ID_BYTES = 8;
const IDS_BYTES = SEALING_KEY_ID_BYTES + VALUE_ID_BYTES;
export const HEADER_BYTES_MAX = IDS_BYTES + 1 + ID_LENGTH_MAX;
/** What stands in the box besides the value: the header, the scope and lengths. */
const INNER_BYTES_MAX = 512;
const CONTENT_BYTES_MAX =
  HEADER_BYTES_MAX + SEALED_TO_OVERHEAD_BYTES + INNER_BYTES_MAX + paddedSize(VALUE_BYTES_MAX);
/** No sealed value is longer, in characters. */
export const SEALED_TEXT_LENGTH_MAX = SEALED_PREFIX.length + Math.ceil((CONTENT_BYTES_MAX * 4) / 3);

/** What a sealed value says without being opened; whether it is true, only opening tells. */
export interface SealedText {
  /** The sealing key's id. */
  readonly keyId: string;
  /** 16 hexadecimal digits, drawn when the value was sealed. A value that is sealed anew keeps it. */
  readonly valueId: string;
  readonly clusterId: string;
  /** All that is outside of the box. */
  readonly header: Buffer;
  readonly box: Buffer;
}

export function encodeHeader(ids: Pick<SealedText, 'clusterId' | 'keyId' | 'valueId'>): Buffer {
  const cluster = Buffer.from(ids.clusterId);
  const header = Buffer.concat([
    Buffer.from(ids.keyId, 'hex'),
    Buffer.from(ids.valueId, 'hex'),
    Buffer.of(cluster.length),
    cluster,
  ]);
  invariant(
    header.length === IDS_BYTES + 1 + cluster.length && cluster.length <= ID_LENGTH_MAX,
    'the ids of a sealed value have their lengths',
  );
  return header;
}

export function formatSealed(header: Uint8Array, box: Uint8Array): string {
  return `${SEALED_PREFIX}${Buffer.concat([header, box]).toString('base64url')}`;
}

/** Throws `sealed.invalid` for a text that `formatSealed` does not make. */
export function parseSealed(text: string): SealedText {
  if (!text.startsWith(SEALED_PREFIX)) {
    throw notSealed(`a sealed value begins with ${SEALED_PREFIX}`);
  }
  if (text.length > SEALED_TEXT_LENGTH_MAX) {
    throw notSealed(`a sealed value has ${SEALED_TEXT_LENGTH_MAX} characters at most`);
  }
  const digits = text.slice(SEALED_PREFIX.length);
  const content = Buffer.from(digits, 'base64url');
  // Node skips what is no digit, and bits that are left over: what is not the same again was altered.
  if (content.toString('base64url') !== digits) {
    throw damagedValue();
  }
  const clusterLength = content[IDS_BYTES] ?? 0;
  const header = content.subarray(0, IDS_BYTES + 1 + clusterLength);
  const box = content.subarray(header.length);
  if (clusterLength > ID_LENGTH_MAX || box.length < SEALED_TO_OVERHEAD_BYTES) {
    throw damagedValue();
  }
  return {
    keyId: header.toString('hex', 0, SEALING_KEY_ID_BYTES),
    valueId: header.toString('hex', SEALING_KEY_ID_BYTES, IDS_BYTES),
    clusterId: header.toString('utf8', IDS_BYTES + 1),
    header,
    box,
  };
}

/** A sealed value that does not open with its key, or holds nothing that coffer has sealed. */
export function damagedValue(): CofferError {
  return notSealed('the sealed value is cut short or was altered: it is not what was sealed');
}

function notSealed(sentence: string): CofferError {
  return new CofferError('sealed.invalid', sentence, {
    hint: 'Seal the value again: docker coffer seal --name NAME -',
  });
}
