// SPDX-License-Identifier: Apache-2.0
// What certificates and CSRs have in common: a body, an algorithm, and the signature over the body.
import { type KeyObject, sign, verify } from 'node:crypto';
import {
  bitString,
  type DerElement,
  encodeDer,
  objectId,
  sequence,
  sequenceParts,
  wholeBitString,
} from './der.ts';

/** ecdsa-with-SHA256 (RFC 5758, 3.2). */
export const SIGNATURE_ALGORITHM: DerElement = sequence(objectId('1.2.840.10045.4.3.2'));

/** The DER of `body`, signed. */
export function signBody(body: DerElement, key: KeyObject): Buffer {
  const signature = sign('sha256', encodeDer(body), key);
  return encodeDer(sequence(body, SIGNATURE_ALGORITHM, bitString(signature)));
}

export interface Signed {
  readonly body: DerElement;
  readonly signature: Buffer;
}

/** undefined unless it has the form of what `signBody` makes. The signature is not looked at. */
export function signedParts(element: DerElement): Signed | undefined {
  const [body, algorithm, bits, ...more] = sequenceParts(element) ?? [];
  const signature = wholeBitString(bits);
  if (body === undefined || algorithm === undefined || signature === undefined || more.length > 0) {
    return undefined;
  }
  return encodeDer(algorithm).equals(encodeDer(SIGNATURE_ALGORITHM)) ? { body, signature } : undefined;
}

export function isSignedBy({ body, signature }: Signed, key: KeyObject): boolean {
  return verify('sha256', encodeDer(body), key, signature);
}
