// SPDX-License-Identifier: Apache-2.0
// Where a value comes from: a file, standard input, or the keyboard. Never from the arguments, which every
// user of the machine can see and every shell remembers.
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { systemErrorCode } from '../common/index.ts';
import { VALUE_BYTES_MAX } from '../secrets/index.ts';
import { type CommandError, usageError } from './command-error.ts';
import { promptHidden } from './hidden-prompt.ts';
import { readAll } from './read-all.ts';
import type { Session } from './session.ts';

const LIST_BYTES_MAX = 8 * 1024 * 1024;

/**
 * Reads a value, byte for byte: from `file`, from standard input for `-`, or asked for twice at a terminal.
 * The size is 1 to 511,999 bytes. `typed`: the command as far as it is right, for what is said. The caller wipes the buffer.
 */
export async function readValue(
  session: Session,
  name: string,
  file: string | undefined,
  typed = `put ${name}`,
): Promise<Buffer> {
  const { stdin, stderr } = session.io;
  if (file === '-') {
    return readBounded(stdin, 'standard input');
  }
  if (file !== undefined) {
    return readFile(session, typed, file);
  }
  if (stdin.isTTY !== true) {
    throw usageError(
      'no value is given',
      `Give a file, or - for standard input: printf %s "$VALUE" | ${session.name} ${typed} -`,
    );
  }
  const [value, again] = await promptHidden(stdin, stderr, [`Value of ${name}: `, 'The same again: ']);
  if (value === undefined || again === undefined || !value.equals(again)) {
    value?.fill(0);
    again?.fill(0);
    throw usageError('the two are not the same; nothing was done');
  }
  again.fill(0);
  return checked(value, 'what was typed');
}

/** All of standard input, 1 to 511,999 bytes. The caller wipes the buffer. */
export async function readStandardInput({ io }: Session, what: string): Promise<Buffer> {
  return readBounded(io.stdin, `standard input, where ${what} is expected,`);
}

/** A file with a value, 1 to 511,999 bytes. The caller wipes the buffer. */
export async function readValueFile(file: string): Promise<Buffer> {
  try {
    return await readBounded(createReadStream(file), 'the file');
  } catch (thrown) {
    throw unreadable(thrown, file);
  }
}

/** A file that names several secrets, or standard input for `-`: up to 8 MiB. The caller wipes the buffer. */
export async function readListFile({ io }: Session, file: string): Promise<Buffer> {
  try {
    const stream = file === '-' ? io.stdin : createReadStream(file);
    return await readAll(stream, LIST_BYTES_MAX, () => usageError('the file has more than 8 MiB'));
  } catch (thrown) {
    throw unreadable(thrown, file);
  }
}

/** Unlike that of `put`, its name is no value. */
function unreadable(thrown: unknown, file: string): unknown {
  const code = systemErrorCode(thrown);
  return code === undefined ? thrown : usageError(`${file} cannot be read (${code})`);
}

async function readFile(session: Session, typed: string, file: string): Promise<Buffer> {
  try {
    return await readBounded(createReadStream(file), 'the file');
  } catch (thrown) {
    throw explained(thrown, session, typed);
  }
}

/** The argument is not repeated: it may well be the value. */
function explained(thrown: unknown, session: Session, typed: string): unknown {
  switch (systemErrorCode(thrown) ?? '') {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ENAMETOOLONG':
    case 'ERR_INVALID_ARG_VALUE':
      return usageError(
        `what stands after ${typed.split(' ').at(-1) ?? ''} is not a file; a value is never taken from the command line, where others can see it`,
        `Use: printf %s "$VALUE" | ${session.name} ${typed} -   or, to be asked for it: ${session.name} ${typed}`,
      );
    case 'EISDIR':
      return usageError('that is a directory, not a file');
    case 'EACCES':
    case 'EPERM':
      return usageError('you may not read that file');
    default:
      return thrown;
  }
}

async function readBounded(stream: Readable, what: string): Promise<Buffer> {
  return checked(await readAll(stream, VALUE_BYTES_MAX, () => tooLong(what)), what);
}

function checked(value: Buffer, what: string): Buffer {
  if (value.length === 0) {
    throw usageError(`${what} is empty; a value has 1 to ${VALUE_BYTES_MAX} bytes`);
  }
  return value;
}

function tooLong(what: string): CommandError {
  return usageError(`${what} is too long; a value has 1 to ${VALUE_BYTES_MAX} bytes`);
}
