// SPDX-License-Identifier: Apache-2.0
import { open } from 'node:fs/promises';
import type { Command } from 'commander';
import { type AuditPart, verifyParts } from '../../audit/index.ts';
import type { AuditVerifyReply, LostRecord } from '../../control/index.ts';
import { EXIT, usageError } from '../command-error.ts';
import { confirm } from '../confirm.ts';
import type { Session } from '../session.ts';
import { counted } from '../text.ts';
import { addExamples, formatOption } from './options.ts';

interface AuditVerifyOptions {
  readonly format: string;
  readonly acknowledge?: boolean;
  readonly yes?: boolean;
}

export function addAuditVerify(group: Command, session: Session): void {
  const command = group
    .command('verify')
    .description('Verify that no line was changed, moved or taken out. Ends with 1 if one was.')
    .usage('[OPTIONS] [FILE...]')
    .argument('[file...]', 'files of one log, the oldest first; left out: those of this manager')
    .option('--acknowledge', 'tell no more of what was lost, since it is known')
    .option('-y, --yes', 'do not ask before it is acknowledged')
    .addOption(formatOption('text'))
    .action((files: readonly string[], options: AuditVerifyOptions) => verify(session, files, options));
  addExamples(command, session, [
    ['coffer audit verify', 'the log of this manager, and what the others know of it'],
    ['coffer audit verify audit.1.log audit.log', 'a copy of it, anywhere, by itself'],
    ['coffer audit verify --acknowledge', 'after it was found out where lost records went'],
  ]);
}

async function verify(
  session: Session,
  files: readonly string[],
  { acknowledge = false, format, yes = false }: AuditVerifyOptions,
): Promise<void> {
  if (acknowledge && files.length > 0) {
    throw usageError('--acknowledge is for the log of this manager, not for copies');
  }
  const reply = files.length === 0 ? await (await session.client()).verifyAudit() : await verifyFiles(files);
  const acknowledged = acknowledge ? await acknowledgedIn(session, reply, yes) : undefined;
  const found = acknowledged === undefined ? reply : { ...reply, lost: undefined };
  const faults = faultsOf(found);
  if (format === 'json') {
    session.printJson({ ...found, acknowledged, whole: faults.length === 0 });
  } else {
    session.print(describe(reply, files.length > 0));
    if (acknowledged !== undefined) {
      session.print(`Acknowledged: ${lostWords(acknowledged)}`);
    }
  }
  if (faults.length > 0) {
    if (format !== 'json') {
      faults.forEach((fault) => session.complain(fault));
    }
    session.endWith(EXIT.usage);
  }
}

/** Asks, and has what was lost not told any more. */
async function acknowledgedIn(
  session: Session,
  { lost }: AuditVerifyReply,
  isSure: boolean,
): Promise<LostRecord> {
  if (lost === undefined) {
    throw usageError('no record was lost that was not acknowledged: nothing was changed');
  }
  if (!isSure) {
    await confirm(session, `Nobody is told any more that ${lostWords(lost)}.`);
  }
  return (await session.client()).acknowledgeAuditLoss(lost);
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
    lost && lostWords(lost),
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

function lostWords({ at_ms, seq }: LostRecord): string {
  return `record ${seq}, signed at ${timeOf(at_ms)}, was not in the log any more when coffer started`;
}

function timeOf(at_ms: number): string {
  return new Date(at_ms).toISOString();
}
