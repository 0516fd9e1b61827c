// SPDX-License-Identifier: Apache-2.0
// The settings of the audit log.
export const AUDIT_SINKS = ['file', 'stdout'] as const;
export type AuditSinkName = (typeof AUDIT_SINKS)[number];

export interface AuditSettings {
  /** COFFER_AUDIT: `file`, `stdout`, both with a comma between, or `off`, which is none here. Default: file. */
  readonly sinks: readonly AuditSinkName[];
  /** COFFER_AUDIT_SIZE: of one file, such as `16m`; 64k to 1g. Default: 16m. */
  readonly size_bytes: number;
  /** COFFER_AUDIT_KEEP: how many files there are at most, 2 to 100. Default: 8. */
  readonly keep: number;
}

const KIB = 1_024;
const UNIT_BYTES: Readonly<Record<string, number>> = { '': 1, k: KIB, m: KIB ** 2, g: KIB ** 3 };
const SIZE_MIN_BYTES = 64 * KIB;
const SIZE_MAX_BYTES = KIB ** 3;

/** Reads them; adds a sentence to `problems` for each that is wrong, whose default stands in. */
export function readAuditSettings(
  valueOf: (name: string) => string | undefined,
  problems: string[],
): AuditSettings {
  return {
    sinks: readSinks(valueOf('COFFER_AUDIT') ?? 'file', problems),
    size_bytes: readSize(valueOf('COFFER_AUDIT_SIZE') ?? '16m', problems),
    keep: readKeep(valueOf('COFFER_AUDIT_KEEP') ?? '8', problems),
  };
}

function readSinks(text: string, problems: string[]): readonly AuditSinkName[] {
  if (text === 'off') {
    return [];
  }
  const names = text.split(',').map((name) => name.trim());
  const sinks = AUDIT_SINKS.filter((sink) => names.includes(sink));
  if (names.some((name) => !sinks.some((sink) => sink === name))) {
    problems.push(`COFFER_AUDIT is file, stdout, file,stdout or off, not ${JSON.stringify(text)}`);
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
