// SPDX-License-Identifier: Apache-2.0
// What all certificates have in common, whichever CA issues them.
import { type KeyObject, randomBytes } from 'node:crypto';
import { invariant } from '../common/index.ts';
import { type Certificate, certificateInvalid } from './certificate.ts';
import { decodeDer, type DerElement, explicit, integer, sequence, time } from './der.ts';
import { publicKeyInfo } from './key.ts';
import { CERTIFICATE_PEM, encodePem } from './pem.ts';
import { SIGNATURE_ALGORITHM, signBody } from './signed.ts';

/** Every certificate is valid from an hour before its making, for peers whose clocks are behind. */
export const BACKDATE_MS = 3_600_000;

const SERIAL_BYTES = 16;
const SECOND_MS = 1_000;

/** Throws `pki.certificate-invalid` for a root that is not valid at that time. */
export function checkValidAt({ notBefore_ms, notAfter_ms }: Certificate, now_ms: number): void {
  if (now_ms < notBefore_ms) {
    throw certificateInvalid(
      `the CA certificate is not valid before ${new Date(notBefore_ms).toISOString()}`,
    );
  }
  if (now_ms >= notAfter_ms) {
    throw certificateInvalid(`the CA certificate expired at ${new Date(notAfter_ms).toISOString()}`);
  }
}

export function checkLifetime(lifetime_ms: number): void {
  invariant(lifetime_ms >= SECOND_MS, 'a certificate lives at least a second');
}

export interface CertificateContent {
  readonly issuer: DerElement;
  readonly subject: DerElement;
  readonly subjectKey: KeyObject;
  readonly signingKey: KeyObject;
  readonly validity: { readonly from_ms: number; readonly to_ms: number };
  readonly extensions: readonly DerElement[];
}

/** A certificate in PEM. */
export function writeCertificate(content: CertificateContent): string {
  const body = sequence(
    explicit(0, integer(2)),
    integer(...newSerial()),
    SIGNATURE_ALGORITHM,
    content.issuer,
    sequence(time(content.validity.from_ms), time(content.validity.to_ms)),
    content.subject,
    decodeDer(publicKeyInfo(content.subjectKey)),
    explicit(3, sequence(...content.extensions)),
  );
  return encodePem(CERTIFICATE_PEM, signBody(body, content.signingKey));
}

/** 126 random bits: the first byte is from 0x40 to 0x7f, which keeps the number positive and 16 bytes long. */
function newSerial(): Buffer {
  const serial = randomBytes(SERIAL_BYTES);
  serial.writeUInt8((serial.readUInt8(0) & 0x3f) | 0x40, 0);
  return serial;
}
