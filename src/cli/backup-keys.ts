// SPDX-License-Identifier: Apache-2.0
// With what a backup is sealed and opened: from files and the keyboard, never from the arguments.
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { Option } from 'commander';
import {
  type BackupHeader,
  IDENTITY_FILE_BYTES_MAX,
  type Opening,
  parseIdentityFile,
  parseRecipient,
  PASSPHRASE_BYTES_MAX,
  type Recipient,
} from '../backup/index.ts';
import { systemErrorCode } from '../common/index.ts';
import { usageError } from './command-error.ts';
import { promptHidden } from './hidden-prompt.ts';
import { readAll } from './read-all.ts';
import type { Session } from './session.ts';

/** What `backup` is told to seal with. */
export interface SealingOptions {
  readonly passphraseFile?: string;
  readonly recipient?: readonly string[];
}

/** What the commands that read a backup are told to open it with. */
export interface OpeningOptions {
  readonly passphraseFile?: string;
  readonly identity?: string;
}

export interface SealingKeys {
  /** The caller wipes it. */
  readonly passphrase: Buffer | undefined;
  readonly recipients: readonly Recipient[];
}

/** The longest line break after a passphrase in a file. */
const LINE_BREAK_BYTES = 2;

export function passphraseOption(): Option {
  return new Option('--passphrase-file <file>', 'where the passphrase stands; - is standard input');
}

export function identityOption(): Option {
  return new Option('--identity <file>', 'the identity of a recipient, from backup-key').conflicts(
    'passphraseFile',
  );
}

/** Recipients and a passphrase; without any of both, a passphrase is asked for twice. */
export async function sealingKeys(session: Session, options: SealingOptions): Promise<SealingKeys> {
  const recipients = (options.recipient ?? []).map(parseRecipient);
  const { passphraseFile } = options;
  if (passphraseFile === undefined && recipients.length > 0) {
    return { passphrase: undefined, recipients };
  }
  const passphrase =
    passphraseFile === undefined
      ? await newPassphrase(session)
      : await readPassphrase(session, passphraseFile);
  return { passphrase, recipients };
}

/** What opens a backup with this header; the caller wipes it with `wipeOpening`. */
export async function openingOf(
  session: Session,
  header: BackupHeader,
  { identity, passphraseFile }: OpeningOptions,
): Promise<Opening> {
  if (identity !== undefined) {
    const bytes = await readSmall(createReadStream(identity), IDENTITY_FILE_BYTES_MAX, 'the identity');
    try {
      return { identity: parseIdentityFile(bytes.toString('utf8')) };
    } finally {
      bytes.fill(0);
    }
  }
  if (passphraseFile !== undefined) {
    return { passphrase: await readPassphrase(session, passphraseFile) };
  }
  if (!header.slots.some(({ kind }) => kind === 'passphrase')) {
    throw usageError(
      'the backup was sealed to recipients; it opens with the identity of one of them',
      'Name its file: --identity FILE',
    );
  }
  const [passphrase = Buffer.alloc(0)] = await ask(session, ['Passphrase: ']);
  return { passphrase };
}

export function wipeOpening(opening: Opening): void {
  ('passphrase' in opening ? opening.passphrase : opening.identity.secretKey).fill(0);
}

async function newPassphrase(session: Session): Promise<Buffer> {
  const [passphrase, again] = await ask(session, ['Passphrase of the backup: ', 'The same again: ']);
  if (passphrase === undefined || again === undefined || !passphrase.equals(again)) {
    passphrase?.fill(0);
    again?.fill(0);
    throw usageError('the two are not the same; nothing was done');
  }
  again.fill(0);
  return passphrase;
}

async function ask(session: Session, questions: readonly string[]): Promise<readonly Buffer[]> {
  const { stderr, stdin } = session.io;
  if (stdin.isTTY !== true) {
    throw usageError(
      'no passphrase is given, and there is no terminal to ask at',
      'Name a file that holds it: --passphrase-file FILE, or - for standard input.',
    );
  }
  return promptHidden(stdin, stderr, questions);
}

/** The file's content without the line break at its end. */
async function readPassphrase(session: Session, file: string): Promise<Buffer> {
  const stream = file === '-' ? session.io.stdin : createReadStream(file);
  const bytes = await readSmall(stream, PASSPHRASE_BYTES_MAX + LINE_BREAK_BYTES, 'the passphrase');
  const [, lineBreak = ''] = /(\r?\n)?$/.exec(bytes.subarray(-LINE_BREAK_BYTES).toString('latin1')) ?? [];
  const passphrase = Buffer.alloc(bytes.length - lineBreak.length);
  passphrase.set(bytes.subarray(0, passphrase.length));
  bytes.fill(0);
  return passphrase;
}

async function readSmall(stream: Readable, size_bytes_max: number, what: string): Promise<Buffer> {
  try {
    return await readAll(stream, size_bytes_max, () =>
      usageError(`the file of ${what} is too long to be one`),
    );
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    throw code === undefined ? thrown : usageError(`the file of ${what} cannot be read (${code})`);
  }
}
