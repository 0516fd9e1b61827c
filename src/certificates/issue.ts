// SPDX-License-Identifier: Apache-2.0
// A certificate as the value of a secret.
import type { SecretValue } from '../common/index.ts';
import { generateKey, issueToWorkload } from '../pki/index.ts';
import type { CertificateWish } from '../secrets/index.ts';
import { type AuthorityStore, ensureWorkloadAuthority, trustedPrevious } from './authority.ts';
import { writeBundle } from './bundle.ts';

/**
 * A new key, and a certificate for it from the CA for workloads, as one PEM text, which the caller wipes. While the root before is trusted
 * still, the present one comes cross-signed by it as well, so that those who know that one alone believe the certificate.
 */
export async function issueCertificate(
  store: AuthorityStore,
  { alternatives, commonName, lifetime_ms, usages }: CertificateWish,
  now_ms: number,
): Promise<SecretValue> {
  const authority = await ensureWorkloadAuthority(store, now_ms);
  const privateKey = generateKey();
  const leaf = issueToWorkload({
    authority,
    publicKey: privateKey,
    subject: {
      commonName,
      dnsNames: alternatives.flatMap((each) => (each.kind === 'dns' ? [each.name] : [])),
      addresses: alternatives.flatMap((each) => (each.kind === 'ip' ? [each.address] : [])),
      usages,
    },
    now_ms,
    lifetime_ms,
  });
  const previous = trustedPrevious(authority, now_ms);
  return writeBundle({
    privateKey,
    chain: previous === undefined ? [leaf] : [leaf, previous.crossSigned],
    roots: previous === undefined ? [authority.certificate] : [authority.certificate, previous.certificate],
  });
}
