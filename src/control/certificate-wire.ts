// SPDX-License-Identifier: Apache-2.0
// What travels over the control socket about certificates that are secrets. Types alone, as in wire.ts.

/** What the certificate of a secret's current version says. */
export interface CertificateDescription {
  /** The common name. */
  readonly subject: string;
  /** `DNS:web, IP Address:10.0.0.1`; absent where there are none. */
  readonly names?: string | undefined;
  /** In hexadecimal. */
  readonly serial: string;
  readonly notAfter_ms: number;
}

/** `GET /v1/workload-ca`, and `POST` to `/rotate` and `/finish` behind it. */
export interface WorkloadAuthorityDescription {
  /** SHA-256 of the root that issues, in hexadecimal. */
  readonly digest: string;
  /** PEM of all roots that are trusted now, the one that issues first. */
  readonly certificates: string;
  readonly notAfter_ms: number;
  /** The root before, while certificates of it are in use. */
  readonly previous?: { readonly digest: string; readonly trustedUntilAt_ms: number } | undefined;
}
