// SPDX-License-Identifier: Apache-2.0
// Values that were sealed where nobody can open them, for one secret of the engine's (docs/sealed.md).
export {
  CERTIFICATE_BYTES_MAX,
  certificateOf,
  formatCertificate,
  parseCertificate,
  type SealingCertificate,
} from './certificate.ts';
export { checkedScope, type SealedScope, scopeInStack, scopeOfSecret } from './scope.ts';
export { checkSealedSecret, openSealedSecret, sealedIdIn, sealedTextIn } from './sealed-source.ts';
export { parseSealed, SEALED_PATTERN, SEALED_TEXT_LENGTH_MAX } from './sealed-text.ts';
export { openSealed, resealValue, type SealingKeys, sealValue } from './sealed-value.ts';
export { newSealingKey, type SealingKey, sealingKeyDigest, sealingKeyId } from './sealing-key.ts';
