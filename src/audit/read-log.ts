// SPDX-License-Identifier: Apache-2.0
// The lines of a log, out of its files.
import { createInterface } from 'node:readline';
import type { AuditPart } from './audit-file.ts';
import { hashLine } from './chain.ts';
import { type AuditRecord, decodeRecord } from './record.ts';
import { type ChainReport, ChainVerifier, type KnownHead, type VerifyOptions } from './verify.ts';

export interface RecordFilter {
  readonly since_ms?: number | undefined;
  /** Compared without regard to case. */
  readonly secret?: string | undefined;
  readonly event?: string | undefined;
  /** Of those that match, the last ones. */
  readonly tail: number;
}

/** Verifies the files, which are given the oldest first, and closes them. */
export async function verifyParts(
  parts: readonly AuditPart[],
  options: VerifyOptions = {},
): Promise<ChainReport> {
  const verifier = new ChainVerifier(options);
  const last = parts.at(-1);
  for (const part of parts) {
    const isEnded = part !== last || (await endsWithNewline(part));
    let held: string | undefined;
    for await (const line of linesOf(part)) {
      if (held !== undefined) {
        verifier.add(held);
      }
      held = line;
    }
    if (held !== undefined) {
      verifier.add(held, isEnded);
    }
    await part.handle.close();
  }
  return verifier.finish();
}

/** The records that match, the oldest first; closes the files. Lines that are no records are left out. */
export async function selectRecords(
  parts: readonly AuditPart[],
  filter: RecordFilter,
): Promise<readonly AuditRecord[]> {
  const matches: AuditRecord[] = [];
  for (const part of parts) {
    for await (const line of linesOf(part)) {
      const record = decodeRecord(line);
      if (record !== undefined && isWanted(record, filter)) {
        matches.push(record);
        if (matches.length >= 2 * filter.tail) {
          matches.splice(0, matches.length - filter.tail);
        }
      }
    }
    await part.handle.close();
  }
  return matches.slice(-filter.tail);
}

/** Whether the files hold just this line; closes them. Far quicker than to verify all. */
export async function holdsLine(
  parts: readonly AuditPart[],
  { chain, hash, seq }: KnownHead,
): Promise<boolean> {
  const beginning = `{"seq":${seq},`;
  let isThere = false;
  for (const part of parts) {
    for await (const line of linesOf(part)) {
      isThere ||=
        line.startsWith(beginning) && hashLine(line) === hash && decodeRecord(line)?.chain === chain;
    }
    await part.handle.close();
  }
  return isThere;
}

function isWanted(record: AuditRecord, { event, secret, since_ms }: RecordFilter): boolean {
  return (
    (event === undefined || record.event === event) &&
    (secret === undefined || record.secret?.toLowerCase() === secret.toLowerCase()) &&
    (since_ms === undefined || Date.parse(record.at) >= since_ms)
  );
}

async function* linesOf({ handle, size_bytes }: AuditPart): AsyncGenerator<string> {
  if (size_bytes === 0) {
    return;
  }
  const input = handle.createReadStream({ autoClose: false, start: 0, end: size_bytes - 1 });
  yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
}

async function endsWithNewline({ handle, size_bytes }: AuditPart): Promise<boolean> {
  const last = Buffer.alloc(1);
  await handle.read(last, 0, 1, Math.max(0, size_bytes - 1));
  return size_bytes === 0 || last[0] === 0x0a;
}
