// SPDX-License-Identifier: Apache-2.0
// A backup's file, while it is read and while it is made.
import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { access, type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { type BackupRecord, ExactReader, openBackup, openHeader, readHeader } from '../backup/index.ts';
import { systemErrorCode } from '../common/index.ts';
import { type OpeningOptions, openingOf, wipeOpening } from './backup-keys.ts';
import { type CommandError, usageError } from './command-error.ts';
import type { Session } from './session.ts';

/** What is read of a file at once. */
const PIECE_BYTES = 64 * 1024;

/** A backup that is open: the same file all the time, whatever is put in its place meanwhile. */
export interface OpenBackup {
  readonly size_bytes: number;
  /** The caller does not keep it. */
  readonly payloadKey: Buffer;
  /** All records, verified to the end of the file; `onRead` is told how many bytes were read. */
  readonly records: (onRead?: (size_bytes: number) => void) => AsyncIterable<BackupRecord>;
  /** The sealed payload as it stands in the file. */
  readonly payload: (onRead?: (size_bytes: number) => void) => AsyncIterable<Buffer>;
}

/** Opens a backup, asking for what it needs, and closes it when `work` is done. */
export async function withBackup<T>(
  session: Session,
  file: string,
  options: OpeningOptions,
  work: (backup: OpenBackup) => Promise<T>,
): Promise<T> {
  const handle = await openToRead(file);
  let payloadKey: Buffer | undefined;
  try {
    const { size: size_bytes } = await handle.stat();
    const opened = await openedHeader(session, handle, options);
    ({ payloadKey } = opened);
    const key = payloadKey;
    const payload = (onRead: (size_bytes: number) => void = () => undefined): AsyncIterable<Buffer> =>
      piecesOf(handle, opened.header_bytes, onRead);
    return await work({
      size_bytes,
      payloadKey: key,
      payload,
      records: (onRead) => openBackup(key, new ExactReader(payload(onRead), opened.header_bytes)),
    });
  } finally {
    payloadKey?.fill(0);
    await handle.close();
  }
}

async function openedHeader(
  session: Session,
  handle: FileHandle,
  options: OpeningOptions,
): Promise<{ readonly payloadKey: Buffer; readonly header_bytes: number }> {
  const reader = new ExactReader(piecesOf(handle, 0, () => undefined));
  try {
    const header = await readHeader(reader);
    const opening = await openingOf(session, header, options);
    try {
      return { payloadKey: await openHeader(header, opening), header_bytes: reader.offset_bytes };
    } finally {
      wipeOpening(opening);
    }
  } finally {
    await reader.close();
  }
}

async function* piecesOf(
  handle: FileHandle,
  start: number,
  onRead: (size_bytes: number) => void,
): AsyncGenerator<Buffer> {
  for (let at_bytes = start; ; ) {
    // A new one each time: whoever sends a piece may do so after it has asked for the next one.
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(PIECE_BYTES), 0, PIECE_BYTES, at_bytes);
    if (bytesRead === 0) {
      return;
    }
    at_bytes += bytesRead;
    onRead(bytesRead);
    yield buffer.subarray(0, bytesRead);
  }
}

async function openToRead(file: string): Promise<FileHandle> {
  try {
    const handle = await open(file, 'r');
    if ((await handle.stat()).isFile()) {
      return handle;
    }
    await handle.close();
  } catch (thrown) {
    throw unusable(file, thrown);
  }
  throw usageError(`${file} is not a file`);
}

/** Throws unless a new file may be made there, as far as can be told before: then nothing has been read or shown for it. */
export async function checkTarget(file: string, force: boolean): Promise<void> {
  const there = await stat(file).catch((thrown: unknown) => {
    if (systemErrorCode(thrown) === 'ENOENT') {
      return undefined;
    }
    throw unusable(file, thrown);
  });
  if (there !== undefined && !there.isFile()) {
    throw usageError(`${file} is there, and is not a file`);
  }
  if (there !== undefined && !force) {
    throw usageError(
      `${file} is there already`,
      'Give another name, or --force to put this one in its place.',
    );
  }
  await access(path.dirname(file), constants.W_OK).catch((thrown: unknown) => {
    throw unusable(file, thrown);
  });
}

/** Whose a file is, and who may do what with it. */
export interface FileOwner {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Makes a file of what `fill` writes: under another name beside it, mode 0600 unless `owner` says another one, synced, and renamed when it is
 * whole. Nothing is left behind otherwise, also when the program is interrupted. Resolves with its size in bytes.
 */
export async function writeWhole(
  { io }: Session,
  file: string,
  fill: (write: (piece: Uint8Array) => Promise<void>) => Promise<void>,
  owner?: FileOwner,
): Promise<number> {
  const temporary = `${file}.${randomBytes(4).toString('hex')}.partial`;
  // Before there is a file, which is made within this turn: a signal finds no file that nobody would remove.
  const stay = io.whenEnded(() => rmSync(temporary, { force: true }));
  let size_bytes = 0;
  try {
    const handle = await created(temporary).catch((thrown: unknown) => {
      throw unusable(file, thrown);
    });
    try {
      await fill(async (piece) => {
        await handle.writeFile(piece).catch((thrown: unknown) => {
          throw unusable(file, thrown);
        });
        size_bytes += piece.length;
      });
      if (owner !== undefined) {
        await handle.chown(owner.uid, owner.gid);
        await handle.chmod(owner.mode & 0o7777);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  } finally {
    stay();
  }
  await syncDirectory(path.dirname(file));
  return size_bytes;
}

async function created(file: string): Promise<FileHandle> {
  closeSync(openSync(file, 'wx', 0o600));
  return open(file, 'r+');
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function unusable(file: string, thrown: unknown): CommandError {
  switch (systemErrorCode(thrown) ?? '') {
    case 'ENOENT':
    case 'ENOTDIR':
      return usageError(`there is no ${file}, or no directory for it`);
    case 'EACCES':
    case 'EPERM':
      return usageError(`you may not use ${file}`);
    case 'ENOSPC':
      return usageError(`there is no room for ${file}`);
    default:
      return usageError(`${file} cannot be used (${systemErrorCode(thrown) ?? String(thrown)})`);
  }
}
