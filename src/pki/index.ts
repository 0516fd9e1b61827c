// SPDX-License-Identifier: Apache-2.0
export {
  type Authority,
  AUTHORITY_LIFETIME_MS,
  authorityKeyId,
  createAuthority,
  crossSign,
  issueCertificate,
} from './authority.ts';
export {
  authorityDigest,
  authorityEnd_ms,
  describeCertificate,
  type NodeDescription,
  splitPemBundle,
} from './certificate.ts';
export { checkChain, type CheckChainOptions } from './chain.ts';
export {
  formatJoinToken,
  hashTokenSecret,
  type JoinToken,
  parseJoinToken,
  tokenSecretMatches,
} from './join-token.ts';
export { exportKey, generateKey, importKey, publicKeyFingerprint } from './key.ts';
export { nextRenewal } from './renewal.ts';
export { createCertificateRequest, publicKeyOfRequest } from './request.ts';
export { MANAGER_SERVER_NAME, type NodeSubject } from './subject.ts';
export {
  createWorkloadAuthority,
  crossSignWorkloadAuthority,
  issueToWorkload,
  type WorkloadSubject,
} from './workload.ts';
export { BACKDATE_MS } from './write-certificate.ts';
