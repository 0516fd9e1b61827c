// SPDX-License-Identifier: Apache-2.0
// The audit log: what was delivered, refused and changed, in lines that cannot be changed unnoticed.
export { AuditFile, type AuditPart } from './audit-file.ts';
export { type Auditor, AuditLog, noAudit, type SinkHealth } from './audit-log.ts';
export { Chain, type ChainPosition, hashLine, newChain } from './chain.ts';
export {
  AUDIT_EVENTS,
  type AuditEvent,
  type AuditFields,
  type AuditRecord,
  decodeRecord,
  LINE_BYTES_MAX,
} from './record.ts';
export { type ChainFault, type ChainReport, type KnownHead, verifyChain } from './verify.ts';
export { type RecordFilter, holdsLine, selectRecords, verifyParts } from './read-log.ts';
export { checkHead, type HeadSignature, type HeadSigner, signHead } from './signed-head.ts';
export type { AuditSink, OpenedSink } from './sink.ts';
export { WAITING_MAX } from './sink-writer.ts';
export { StreamSink } from './stdout-sink.ts';
export { formatSyslogAddress, parseSyslogAddress, type SyslogAddress } from './syslog-address.ts';
export { isSyslogFacility, type SyslogFacility } from './syslog-message.ts';
export { SyslogSink } from './syslog-sink.ts';
