// SPDX-License-Identifier: Apache-2.0
import { readFile, realpath, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { Command } from 'commander';
import { systemErrorCode } from '../../common/index.ts';
import { writeWhole } from '../backup-file.ts';
import { EXIT, usageError } from '../command-error.ts';
import { type Resealed, resealAll } from '../reseal-text.ts';
import { SealingClient } from '../sealing-client.ts';
import type { Session } from '../session.ts';
import { counted } from '../text.ts';
import { addExamples, formatOption } from './options.ts';

interface ResealOptions {
  readonly dryRun?: boolean;
  readonly format: string;
}

/** Of one text: some stacks with the largest values. */
const TEXT_BYTES_MAX = 64 * 1024 * 1024;
const STANDARD_INPUT = '-';

export function addReseal(program: Command, session: Session): void {
  const command = program
    .command('reseal')
    .description(
      'Seal the sealed values in files anew, under the active sealing key. The daemon does it, and no value leaves it; all else in the files stays.',
    )
    .usage('[OPTIONS] FILE... | -')
    .argument(
      '<file...>',
      'stack files, or any other text; - reads standard input and writes standard output',
    )
    .option('--dry-run', 'only say what would be changed')
    .addOption(formatOption('text'))
    .action((files: readonly string[], options: ResealOptions) => reseal(session, files, options));
  addExamples(command, session, [
    ['coffer reseal stack.yml', 'after sealing-key --rotate; then deploy it and commit it'],
    ['coffer reseal --dry-run */stack.yml', 'whether anything is under an older key'],
    ['coffer reseal - < stack.yml > new.yml', 'into another file'],
  ]);
}

async function reseal(session: Session, files: readonly string[], options: ResealOptions): Promise<void> {
  if (files.includes(STANDARD_INPUT) && files.length > 1) {
    throw usageError('- stands alone, since what is written to standard output is one text');
  }
  if (files.includes(STANDARD_INPUT) && options.format === 'json' && options.dryRun !== true) {
    throw usageError('--format json would stand in the text; it goes with - only where there is --dry-run');
  }
  const client = new SealingClient(await session.client());
  for (const file of files) {
    const content = file === STANDARD_INPUT ? await readAll(session.io.stdin) : await contentOf(file);
    const outcome = await resealAll(content, (sealed) => client.reseal(sealed));
    await write(session, file, outcome, options.dryRun === true);
    tell(session, file, outcome, options);
  }
}

async function write(
  session: Session,
  file: string,
  { content, resealed }: Resealed,
  isDryRun: boolean,
): Promise<void> {
  if (isDryRun) {
    return;
  }
  if (file === STANDARD_INPUT) {
    session.io.stdout.write(content);
  } else if (resealed > 0) {
    // Not the link to it.
    const real = await realpath(file);
    await writeWhole(session, real, (piece) => piece(content), await stat(real));
  }
}

function tell(session: Session, file: string, outcome: Resealed, { dryRun, format }: ResealOptions): void {
  const { failures, resealed, unchanged } = outcome;
  const name = file === STANDARD_INPUT ? 'standard input' : file;
  if (format === 'json') {
    session.printJson({ file: name, resealed, unchanged, failures });
  } else if (file !== STANDARD_INPUT || dryRun === true) {
    session.print(`${name}: ${summary(outcome, dryRun === true)}`);
  }
  for (const { hint, line, message } of failures) {
    session.complain(`${name}, line ${line}: ${message}`, hint);
    session.endWith(EXIT.failed);
  }
}

function summary({ failures, resealed, unchanged }: Resealed, isDryRun: boolean): string {
  const parts = [
    ...(resealed > 0 ? [`${counted(resealed, 'value')} ${isDryRun ? 'to be sealed' : 'sealed'} anew`] : []),
    ...(unchanged > 0 ? [`${counted(unchanged, 'value')} under the active key already`] : []),
    ...(failures.length > 0 ? [`${counted(failures.length, 'value')} left alone`] : []),
  ];
  return parts.length === 0 ? 'no sealed values' : parts.join(', ');
}

async function contentOf(file: string): Promise<Buffer> {
  try {
    const { size } = await stat(file);
    if (size > TEXT_BYTES_MAX) {
      throw usageError(`${file} is larger than ${TEXT_BYTES_MAX} bytes`);
    }
    return await readFile(file);
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    throw code === undefined ? thrown : usageError(`${file} cannot be read (${code})`);
  }
}

async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size_bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer | string>) {
    const bytes = Buffer.from(chunk);
    chunks.push(bytes);
    size_bytes += bytes.length;
    if (size_bytes > TEXT_BYTES_MAX) {
      throw usageError(`standard input is longer than ${TEXT_BYTES_MAX} bytes`);
    }
  }
  return Buffer.concat(chunks);
}
