// SPDX-License-Identifier: Apache-2.0
import { leafOf, trustedPrevious, type WorkloadAuthority } from '../certificates/index.ts';
import { authorityDigest, authorityEnd_ms } from '../pki/index.ts';
import { currentVersion, type Secret, storedCertificateWish } from '../secrets/index.ts';
import type { SecretStore } from '../store/index.ts';
import type { CertificateDescription, WorkloadAuthorityDescription } from './certificate-wire.ts';

/** What the certificate says that the current version of the secret is; undefined if it is none. Its key is not looked at. */
export function describeCertificateOf(
  store: Pick<SecretStore, 'readValue'>,
  secret: Secret,
): CertificateDescription | undefined {
  if (storedCertificateWish(secret.labels) === undefined) {
    return undefined;
  }
  const value = store.readValue(secret.id, currentVersion(secret).number);
  const leaf = leafOf(value);
  value.wipe();
  return (
    leaf && {
      subject: leaf.subject.replace(/^CN=/, ''),
      names: leaf.subjectAltName,
      serial: leaf.serialNumber.toLowerCase(),
      notAfter_ms: Date.parse(leaf.validTo),
    }
  );
}

export function describeWorkloadAuthority(
  authority: WorkloadAuthority,
  now_ms: number,
): WorkloadAuthorityDescription {
  const { certificate } = authority;
  const previous = trustedPrevious(authority, now_ms);
  return {
    digest: authorityDigest(certificate).toString('hex'),
    certificates: certificate + (previous?.certificate ?? ''),
    notAfter_ms: authorityEnd_ms(certificate),
    previous: previous && {
      digest: authorityDigest(previous.certificate).toString('hex'),
      trustedUntilAt_ms: previous.until_ms,
    },
  };
}
