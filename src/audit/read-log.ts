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
  return closing(parts, () => verifyLines(parts, options));
}

async function verifyLines(parts: readonly AuditPart[], options: VerifyOptions): Promise<ChainReport> {
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
  }
  return verifier.finish();
}

/** The records that match, the oldest first; closes the files. Lines that are no records are left out. */
export async function selectRecords(
  parts: readonly AuditPart[],
  filter: RecordFilter,
): Promise<readonly AuditRecord[]> {
  return closing(parts, () => matching(parts, filter));
}

async function matching(parts: readonly AuditPart[], filter: RecordFilter): Promise<readonly AuditRecord[]> {
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
  }
  return matches.slice(-filter.tail);
}

/** Whether the files hold just this line; closes them. Far quicker than to verify all. */
export async function holdsLine(
  parts: readonly AuditPart[],
  { chain, hash, seq }: KnownHead,
): Promise<boolean> {
  const beginning = `{"seq":${seq},`;
  return closing(parts, async () => {
    for (const part of parts) {
      for await (const line of linesOf(part)) {
        if (line.startsWith(beginning) && hashLine(line) === hash) {
          return decodeRecord(line)?.chain === chain;
        }
      }
    }
    return false;
  });
}

/** Whatever becomes of the work, no file stays open. */
async function closing<T>(parts: readonly AuditPart[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await Promise.all(parts.map(({ handle }) => handle.close()));
  }
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
