// SPDX-License-Identifier: Apache-2.0
// Certificate signing requests (PKCS #10, RFC 2986). One says nothing but "this key is mine".
import { createPublicKey, type KeyObject } from 'node:crypto';
import { CofferError } from '../common/index.ts';
import { decodeDer, encodeDer, explicit, integer, sequence, sequenceParts } from './der.ts';
import { publicKeyInfo } from './key.ts';
import { decodePem, encodePem, REQUEST_PEM } from './pem.ts';
import { isSignedBy, signBody, signedParts } from './signed.ts';
import { requestName } from './subject.ts';

/** A CSR in PEM for the private key `key`, which signs it. */
export function createCertificateRequest(key: KeyObject): string {
  const body = sequence(integer(0), requestName(), decodeDer(publicKeyInfo(key)), explicit(0));
  return encodePem(REQUEST_PEM, signBody(body, key));
}

/**
 * The P-256 key of a CSR of at most 16 KiB whose signature proves that the sender has the private key. Whatever else
 * the CSR asks for is not looked at. Throws `pki.csr-invalid` for anything else, and no other error.
 */
export function publicKeyOfRequest(pem: string): KeyObject {
  const [der] = decodePem(REQUEST_PEM, pem);
  let key: KeyObject | undefined;
  try {
    key = der === undefined ? undefined : provenKey(der);
  } catch (cause) {
    throw new CofferError('pki.csr-invalid', 'the certificate request cannot be read', { cause });
  }
  if (key === undefined) {
    throw new CofferError('pki.csr-invalid', 'the certificate request is not signed by its own P-256 key');
  }
  return key;
}

function provenKey(der: Buffer): KeyObject | undefined {
  const signed = signedParts(decodeDer(der));
  const [, , info] = sequenceParts(signed?.body) ?? [];
  if (signed === undefined || info === undefined) {
    return undefined;
  }
  const encoded = encodeDer(info);
  const key = createPublicKey({ key: encoded, format: 'der', type: 'spki' });
  return publicKeyInfo(key).equals(encoded) && isSignedBy(signed, key) ? key : undefined;
}
