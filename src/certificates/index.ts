// SPDX-License-Identifier: Apache-2.0
// Certificates as secrets: the CA for workloads, and what it issues (docs/certificates.md).
export {
  type AuthorityStore,
  ensureWorkloadAuthority,
  finishWorkloadRotation,
  readWorkloadAuthority,
  rotateWorkloadAuthority,
  trustedPrevious,
} from './authority.ts';
export type { WorkloadAuthority } from './authority-codec.ts';
export { leafOf, partOf } from './bundle.ts';
export { issueCertificate } from './issue.ts';
