// SPDX-License-Identifier: Apache-2.0
// A line of the audit log as a message of syslog (RFC 5424).
import type { ChainedLine } from './chain.ts';
import type { AuditRecord } from './record.ts';

/** Their place is their number (RFC 5424, table 1); those without a name that all systems share are left out. */
const FACILITY_NUMBERS = {
  kern: 0,
  user: 1,
  mail: 2,
  daemon: 3,
  auth: 4,
  syslog: 5,
  lpr: 6,
  news: 7,
  uucp: 8,
  cron: 9,
  authpriv: 10,
  ftp: 11,
  local0: 16,
  local1: 17,
  local2: 18,
  local3: 19,
  local4: 20,
  local5: 21,
  local6: 22,
  local7: 23,
} as const;
export type SyslogFacility = keyof typeof FACILITY_NUMBERS;

export function isSyslogFacility(name: string): name is SyslogFacility {
  return Object.hasOwn(FACILITY_NUMBERS, name);
}

const ALERT = 1;
const WARNING = 4;
const NOTICE = 5;

/** Who says it. */
export interface SyslogOrigin {
  readonly facility: SyslogFacility;
  readonly hostname: string;
  readonly pid: number;
}

/**
 * The message, without any framing; below 4,500 bytes, since a line is below 4,096. No byte order mark stands before the line, as it
 * might before UTF-8 (section 6.4): a receiver that keeps it would keep another line than the one that is hashed.
 */
export function syslogMessage({ line, record }: ChainedLine, origin: SyslogOrigin): Buffer {
  const { at, event } = record;
  const { facility, hostname, pid } = origin;
  const priority = FACILITY_NUMBERS[facility] * 8 + severityOf(record);
  return Buffer.from(`<${priority}>1 ${at} ${printable(hostname)} coffer ${pid} ${event} - ${line}`);
}

/** Octet counting: a stream holds the length of each message before it (RFC 6587, section 3.4.1; RFC 5425, section 4.3). */
export function octetCounted(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${message.length} `), message]);
}

/** What was refused, or is lost, stands out; somebody has to look at once who uses a secret that nobody needs. */
function severityOf({ code, event }: AuditRecord): number {
  if (event === 'canary') {
    return ALERT;
  }
  return code !== undefined || event === 'missed' ? WARNING : NOTICE;
}

/** HOSTNAME is 1 to 255 characters of visible ASCII, or `-`. */
function printable(hostname: string): string {
  return /^[\x21-\x7e]{1,255}$/.test(hostname) ? hostname : '-';
}
