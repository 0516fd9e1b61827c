// SPDX-License-Identifier: Apache-2.0
// The audit log: what was delivered, refused and changed, in lines that cannot be changed unnoticed.
export { Chain, type ChainPosition, hashLine, newChain, NO_LINE } from './chain.ts';
export {
  AUDIT_EVENTS,
  type AuditEvent,
  type AuditFields,
  type AuditRecord,
  decodeRecord,
  encodeRecord,
  LINE_BYTES_MAX,
} from './record.ts';
export {
  type ChainFault,
  type ChainProblem,
  type ChainReport,
  ChainVerifier,
  type KnownHead,
  verifyChain,
  type VerifyOptions,
} from './verify.ts';
