// SPDX-License-Identifier: Apache-2.0
// Values sealed to a cluster's sealing key, for one secret of the engine's. box has no associated data, so the header and
// the scope go into the box before the value, and are compared when it is opened.
import { randomBytes } from 'node:crypto';
import { ByteReader, ByteWriter, CofferError, NAME_LENGTH_MAX, SecretValue } from '../common/index.ts';
import { openWith, sealTo } from '../crypto/index.ts';
import { checkValueSize, VALUE_BYTES_MAX } from '../secrets/index.ts';
import type { SealingCertificate } from './certificate.ts';
import { paddedSize } from './padding.ts';
import { checkedScope, isSameScope, sealCommand, type SealedScope, scopeWords } from './scope.ts';
import {
  damagedValue,
  encodeHeader,
  formatSealed,
  HEADER_BYTES_MAX,
  parseSealed,
  type SealedText,
  VALUE_ID_BYTES,
} from './sealed-text.ts';
import { type SealingKey, sealingKeyId } from './sealing-key.ts';

/** All that is written before the value and its padding, with its lengths. */
const FIELDS_BYTES_MAX = 4 * 4 + HEADER_BYTES_MAX + 2 * NAME_LENGTH_MAX;
const WHAT = 'a sealed value';

/** Where sealing keys are looked up by their ids. */
export interface SealingKeys {
  sealingKey(id: string): SealingKey | undefined;
}

interface Opened {
  readonly scope: SealedScope;
  readonly value: SecretValue;
}

/**
 * Seals `value`, which stays the caller's, for that secret: the text of a label. Throws `secret.value-size` and
 * `secret.name-invalid`.
 */
export function sealValue(certificate: SealingCertificate, scope: SealedScope, value: SecretValue): string {
  checkValueSize(value.byteLength);
  checkedScope(scope);
  const valueId = randomBytes(VALUE_ID_BYTES).toString('hex');
  return sealAs(certificate, valueId, { scope, value });
}

/**
 * Opens a sealed value for that secret. Throws `sealed.invalid` for what is damaged, `sealed.key-unknown`, and `sealed.scope` for
 * what was sealed for another secret. The caller wipes the value.
 */
export function openSealed(keys: SealingKeys, text: string, scope: SealedScope): SecretValue {
  const opened = openParsed(keys, parseSealed(text));
  if (!isSameScope(opened.scope, scope)) {
    opened.value.wipe();
    throw new CofferError(
      'sealed.scope',
      `the value was sealed for ${scopeWords(opened.scope)}, and not for ${scopeWords(scope)}`,
      { hint: `Seal it for this one: ${sealCommand(scope)}` },
    );
  }
  return opened.value;
}

/**
 * The same value under another key, for the same secret, which nobody names: it is taken from inside, so that nothing that was sealed
 * is ever good for more. Throws as `openSealed` does but for `sealed.scope`.
 */
export function resealValue(keys: SealingKeys, text: string, certificate: SealingCertificate): string {
  const parsed = parseSealed(text);
  const opened = openParsed(keys, parsed);
  try {
    return sealAs(certificate, parsed.valueId, opened);
  } finally {
    opened.value.wipe();
  }
}

function sealAs(
  { clusterId, publicKey }: SealingCertificate,
  valueId: string,
  { scope, value }: Opened,
): string {
  const header = encodeHeader({ keyId: sealingKeyId(publicKey), valueId, clusterId });
  const padded_bytes = paddedSize(value.byteLength);
  const writer = new ByteWriter(FIELDS_BYTES_MAX + padded_bytes)
    .bytes(header)
    .text(scope.name)
    .text(scope.stack)
    .bytes(value.expose())
    .fixed(Buffer.alloc(padded_bytes - value.byteLength));
  try {
    return formatSealed(header, sealTo(publicKey, writer.finish()));
  } finally {
    writer.clear();
  }
}

/** Throws `sealed.key-unknown`. */
export function requireKey(keys: SealingKeys, { clusterId, keyId }: SealedText): SealingKey {
  const key = keys.sealingKey(keyId);
  if (key === undefined) {
    throw new CofferError(
      'sealed.key-unknown',
      `this cluster does not have the key ${keyId} that the value was sealed to; it was one of cluster ${shown(clusterId)}`,
      { hint: 'Seal the value again for this cluster, or see which keys it has: docker coffer sealing-key' },
    );
  }
  return key;
}

function openParsed(keys: SealingKeys, sealed: SealedText): Opened {
  const { secretKey } = requireKey(keys, sealed);
  const content = openWith(secretKey, sealed.box);
  if (content === undefined) {
    throw damagedValue();
  }
  try {
    return readContent(content, sealed.header);
  } finally {
    content.fill(0);
  }
}

function readContent(content: Buffer, header: Buffer): Opened {
  try {
    const reader = new ByteReader(content, WHAT);
    if (!reader.bytes(HEADER_BYTES_MAX).equals(header)) {
      throw damagedValue();
    }
    const scope = { name: reader.text(NAME_LENGTH_MAX), stack: reader.text(NAME_LENGTH_MAX) };
    const bytes = reader.bytes(VALUE_BYTES_MAX);
    const padding = reader.rest();
    const isPadded = bytes.length + padding.length === paddedSize(bytes.length);
    if (bytes.length === 0 || !isPadded || padding.some((byte) => byte !== 0)) {
      throw damagedValue();
    }
    checkedScope(scope);
    return { scope, value: SecretValue.copyOf(bytes) };
  } catch {
    // Whoever has the certificate can seal what coffer never would.
    throw damagedValue();
  }
}

/** As a text from outside is shown. */
function shown(clusterId: string): string {
  return /^[a-z0-9]{1,64}$/.test(clusterId) ? clusterId : JSON.stringify(clusterId.slice(0, 64));
}
