// SPDX-License-Identifier: Apache-2.0
// The settings of the audit log.
import path from 'node:path';
import {
  isSyslogFacility,
  parseSyslogAddress,
  type SyslogAddress,
  type SyslogFacility,
} from '../audit/index.ts';
import { CofferError } from '../common/index.ts';
import type { SettingReader } from './setting-list.ts';

const AUDIT_SINKS = ['file', 'stdout', 'syslog'] as const;
export type AuditSinkName = (typeof AUDIT_SINKS)[number];

export interface AuditSettings {
  /** COFFER_AUDIT: `file`, `stdout`, `syslog`, several with commas between, or `off`, which is none here. Default: file. */
  readonly sinks: readonly AuditSinkName[];
  /** COFFER_AUDIT_SIZE: of one file, such as `16m`; 64k to 1g. Default: 16m. */
  readonly size_bytes: number;
  /** COFFER_AUDIT_KEEP: how many files there are at most, 2 to 100. Default: 8. */
  readonly keep: number;
  /** Undefined unless it is one of the sinks. */
  readonly syslog: SyslogSettings | undefined;
}

export interface SyslogSettings {
  /** COFFER_AUDIT_SYSLOG: `udp://HOST:PORT`, `tcp://HOST:PORT`, `tcp+tls://HOST:PORT` or `unix:///PATH`; default port 514. */
  readonly address: SyslogAddress;
  /** COFFER_AUDIT_SYSLOG_FACILITY. Default: authpriv. */
  readonly facility: SyslogFacility;
  /** COFFER_AUDIT_SYSLOG_CA: a file in PEM, for tcp+tls. Default: the authorities that Node trusts. */
  readonly caFile: string | undefined;
}

const KIB = 1_024;
const UNIT_BYTES: Readonly<Record<string, number>> = { '': 1, k: KIB, m: KIB ** 2, g: KIB ** 3 };
const SIZE_MIN_BYTES = 64 * KIB;
const SIZE_MAX_BYTES = KIB ** 3;

/** Reads them; adds a sentence to `problems` for each that is wrong, whose default stands in. */
export function readAuditSettings(valueOf: SettingReader, problems: string[]): AuditSettings {
  const sinks = readSinks(valueOf('COFFER_AUDIT'), problems);
  return {
    sinks,
    syslog: readSyslog(sinks.includes('syslog'), valueOf, problems),
    size_bytes: readSize(valueOf('COFFER_AUDIT_SIZE'), problems),
    keep: readKeep(valueOf('COFFER_AUDIT_KEEP'), problems),
  };
}

function readSinks(text: string, problems: string[]): readonly AuditSinkName[] {
  if (text === 'off') {
    return [];
  }
  const names = text.split(',').map((name) => name.trim());
  const sinks = AUDIT_SINKS.filter((sink) => names.includes(sink));
  if (names.some((name) => !sinks.some((sink) => sink === name))) {
    problems.push(
      `COFFER_AUDIT is file, stdout, syslog, several of them such as file,syslog, or off, not ${JSON.stringify(text)}`,
    );
    return ['file'];
  }
  return sinks;
}

function readSize(text: string, problems: string[]): number {
  const match = /^(\d{1,12})([kmg]?)$/i.exec(text);
  const size_bytes = Number(match?.[1] ?? Number.NaN) * (UNIT_BYTES[match?.[2]?.toLowerCase() ?? ''] ?? 1);
  if (!(size_bytes >= SIZE_MIN_BYTES && size_bytes <= SIZE_MAX_BYTES)) {
    problems.push(`COFFER_AUDIT_SIZE is a size from 64k to 1g, such as 16m, not ${JSON.stringify(text)}`);
    return 16 * KIB ** 2;
  }
  return size_bytes;
}

function readKeep(text: string, problems: string[]): number {
  const keep = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (keep < 2 || keep > 100) {
    problems.push(`COFFER_AUDIT_KEEP is a number of files from 2 to 100, not ${JSON.stringify(text)}`);
    return 8;
  }
  return keep;
}

function readSyslog(
  isWanted: boolean,
  valueOf: SettingReader,
  problems: string[],
): SyslogSettings | undefined {
  const text = valueOf('COFFER_AUDIT_SYSLOG');
  if (!isWanted) {
    if (text !== undefined) {
      problems.push('COFFER_AUDIT_SYSLOG is for COFFER_AUDIT=syslog or file,syslog, which is not set');
    }
    return undefined;
  }
  if (text === undefined) {
    problems.push(
      'COFFER_AUDIT names syslog, and COFFER_AUDIT_SYSLOG is not set: where it listens, such as tcp://HOST:514',
    );
    return undefined;
  }
  const address = readAddress(text, problems);
  const facility = readFacility(valueOf('COFFER_AUDIT_SYSLOG_FACILITY'), problems);
  const caFile = valueOf('COFFER_AUDIT_SYSLOG_CA');
  if (caFile !== undefined && !path.isAbsolute(caFile)) {
    problems.push(`COFFER_AUDIT_SYSLOG_CA is an absolute path, not ${JSON.stringify(caFile)}`);
  }
  if (caFile !== undefined && address !== undefined && address.transport !== 'tls') {
    problems.push(
      'COFFER_AUDIT_SYSLOG_CA is for tcp+tls://HOST:PORT alone: nothing else asks who the receiver is',
    );
  }
  return address && { address, facility, caFile };
}

function readAddress(text: string, problems: string[]): SyslogAddress | undefined {
  try {
    return parseSyslogAddress(text);
  } catch (thrown) {
    problems.push(`COFFER_AUDIT_SYSLOG ${CofferError.from(thrown).detail}`);
    return undefined;
  }
}

function readFacility(text: string, problems: string[]): SyslogFacility {
  if (!isSyslogFacility(text)) {
    problems.push(
      `COFFER_AUDIT_SYSLOG_FACILITY is a facility of syslog, such as authpriv, auth, daemon or local0 to local7, not ${JSON.stringify(text)}`,
    );
    return 'authpriv';
  }
  return text;
}
