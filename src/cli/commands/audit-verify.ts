// SPDX-License-Identifier: Apache-2.0
import { open } from 'node:fs/promises';
import type { Command } from 'commander';
import { type AuditPart, verifyParts } from '../../audit/index.ts';
import type { AuditVerifyReply } from '../../control/index.ts';
import { EXIT, usageError } from '../command-error.ts';
import type { Session } from '../session.ts';
import { counted } from '../text.ts';
import { addExamples, formatOption } from './options.ts';

export function addAuditVerify(group: Command, session: Session): void {
  const command = group
    .command('verify')
    .description('Verify that no line was changed, moved or taken out. Ends with 1 if one was.')
    .usage('[OPTIONS] [FILE...]')
    .argument('[file...]', 'files of one log, the oldest first; left out: those of this manager')
    .addOption(formatOption('text'))
    .action((files: readonly string[], options: { readonly format: string }) =>
      verify(session, files, options.format),
    );
  addExamples(command, session, [
    ['coffer audit verify', 'the log of this manager, and what the others know of it'],
    ['coffer audit verify audit.1.log audit.log', 'a copy of it, anywhere, by itself'],
  ]);
}

async function verify(session: Session, files: readonly string[], format: string): Promise<void> {
  const reply = files.length === 0 ? await (await session.client()).verifyAudit() : await verifyFiles(files);
  const faults = faultsOf(reply);
  if (format === 'json') {
    session.printJson({ ...reply, whole: faults.length === 0 });
  } else {
    session.print(describe(reply, files.length > 0));
  }
  if (faults.length > 0) {
    if (format !== 'json') {
      faults.forEach((fault) => session.complain(fault));
    }
    session.endWith(EXIT.usage);
  }
}

async function verifyFiles(files: readonly string[]): Promise<AuditVerifyReply> {
  const parts: AuditPart[] = [];
  for (const file of files) {
    const handle = await open(file, 'r').catch(() => {
      throw usageError(`${file} cannot be read`);
    });
    parts.push({ handle, size_bytes: (await handle.stat()).size });
  }
  const { last, problem, records } = await verifyParts(parts);
  return { records, wholeTo: last?.at, problem };
}

function faultsOf({ head, lost, problem }: AuditVerifyReply): readonly string[] {
  return [
    problem && `line ${problem.line}: ${problem.what}`,
    head?.signature === 'bad' ? `the signature of record ${head.seq} is not this manager's` : undefined,
    lost &&
      `record ${lost.seq}, signed at ${timeOf(lost.at_ms)}, was not in the log any more when coffer started`,
  ].filter((fault) => fault !== undefined);
}

function describe({ head, records, wholeTo }: AuditVerifyReply, isByItself: boolean): string {
  const whole = `${counted(records, 'record')}, whole${wholeTo === undefined ? '' : ` up to ${wholeTo}`}`;
  if (isByItself) {
    return `${whole}; what the managers have signed of it was not looked at`;
  }
  if (head === undefined) {
    return `${whole}; nothing of it is signed yet`;
  }
  const key = head.signature === 'other-key' ? ', by the key of a certificate that was renewed since' : '';
  return `${whole}; signed up to record ${head.seq} at ${timeOf(head.at_ms)}${key}`;
}

function timeOf(at_ms: number): string {
  return new Date(at_ms).toISOString();
}
