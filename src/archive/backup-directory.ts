// SPDX-License-Identifier: Apache-2.0
// The directory that a manager's schedule writes backups into.
import type { Stats } from 'node:fs';
import { type FileHandle, lstat, open, readdir, rename, rm, statfs } from 'node:fs/promises';
import path from 'node:path';
import { ExactReader, openBackup, readHeader } from '../backup/index.ts';
import { CofferError, systemErrorCode } from '../common/index.ts';
import { makePrivateDirectory, syncDirectory } from '../storage/index.ts';
import { paced, systemClock } from '../store/index.ts';
import { type ScheduledFile, scheduledAt_ms, scheduledName } from './schedule.ts';

const PIECE_BYTES = 64 * 1024;
/** Twice what the store keeps free for itself: a backup must not be what fills its disk. */
const RESERVE_BYTES = 96 * 1024 * 1024;
const MEASURE_BYTES = 4 * 1024 * 1024;
const PARTIAL = '.partial';

export interface BackupDirectoryOptions {
  readonly path: string;
  /** Whether it is made if it is not there. One that the settings name may be a mount that is missing. */
  readonly mayBeMade: boolean;
  /** Bytes that are left free. Default: 96 MiB. */
  readonly reserve_bytes?: number | undefined;
}

/** A backup that is open: the same file all the time, whatever becomes of its name. Whoever has it closes it. */
export interface OpenedBackup {
  /** Which tells how the key of the payload is had. */
  readonly header: Buffer;
  readonly size_bytes: number;
  /** From behind the header to the end. */
  payload(): AsyncIterable<Buffer>;
  close(): Promise<void>;
}

/** Touches no file but those that the schedule of this node has made. Throws `backup.not-written` where it cannot do its work. */
export class BackupDirectory {
  readonly #options: BackupDirectoryOptions;

  constructor(options: BackupDirectoryOptions) {
    this.#options = options;
  }

  get path(): string {
    return this.#options.path;
  }

  /** The backups of this node, oldest first; none if the directory is not there. */
  async files(nodeId: string): Promise<readonly ScheduledFile[]> {
    const found: ScheduledFile[] = [];
    for (const name of await this.#names()) {
      const createdAt_ms = scheduledAt_ms(name, nodeId);
      const stat = createdAt_ms === undefined ? undefined : await statOf(this.#inside(name));
      if (createdAt_ms !== undefined && stat?.isFile() === true) {
        found.push({ name, createdAt_ms, size_bytes: stat.size });
      }
    }
    return found.toSorted((a, b) => a.createdAt_ms - b.createdAt_ms);
  }

  /**
   * Makes a backup of what `pieces` yields, under another name at first; reads it back to its end with the key of its payload;
   * and gives it its name when it is durable. Nothing is left behind otherwise.
   */
  async write(
    nodeId: string,
    createdAt_ms: number,
    payloadKey: Buffer,
    pieces: AsyncIterable<Uint8Array>,
  ): Promise<ScheduledFile> {
    const name = scheduledName(createdAt_ms, nodeId);
    const temporary = this.#inside(`.${name}${PARTIAL}`);
    try {
      await this.#prepare(nodeId);
      const size_bytes = await this.#fill(temporary, payloadKey, pieces);
      await rename(temporary, this.#inside(name));
      await syncDirectory(this.path);
      return { name, createdAt_ms, size_bytes };
    } catch (thrown) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw this.#explained(thrown);
    }
  }

  async delete(files: readonly ScheduledFile[]): Promise<void> {
    for (const { name } of files) {
      await rm(this.#inside(name), { force: true });
    }
  }

  /** A file of `files`, to be read. Throws `backup.not-found` for any other name. */
  async open(nodeId: string, name: string): Promise<OpenedBackup> {
    const file = (await this.files(nodeId)).find((one) => one.name === name);
    if (file === undefined) {
      throw new CofferError(
        'backup.not-found',
        `the schedule of this manager has made no ${name.slice(0, 100)}`,
        {
          hint: 'List what it has made: docker coffer backup-ls',
        },
      );
    }
    return openedBackup(await open(this.#inside(name), 'r'), file.size_bytes);
  }

  #inside(name: string): string {
    return path.join(this.path, name);
  }

  async #names(): Promise<readonly string[]> {
    try {
      return await readdir(this.path);
    } catch {
      // Why it cannot be read is told when it is written to.
      return [];
    }
  }

  async #prepare(nodeId: string): Promise<void> {
    if (this.#options.mayBeMade) {
      await makePrivateDirectory(this.path);
    }
    for (const name of await readdir(this.path)) {
      // What a process has left that ended while it wrote.
      const whole = name.replace(/^\./, '').replace(new RegExp(`\\${PARTIAL}$`), '');
      if (name === `.${whole}${PARTIAL}` && scheduledAt_ms(whole, nodeId) !== undefined) {
        await rm(this.#inside(name), { force: true });
      }
    }
  }

  async #fill(file: string, payloadKey: Buffer, pieces: AsyncIterable<Uint8Array>): Promise<number> {
    const handle = await open(file, 'wx+', 0o600);
    try {
      let size_bytes = 0;
      let measuredAt_bytes = Number.NEGATIVE_INFINITY;
      for await (const piece of pieces) {
        if (size_bytes - measuredAt_bytes >= MEASURE_BYTES) {
          await this.#requireRoom();
          measuredAt_bytes = size_bytes;
        }
        await handle.writeFile(piece);
        size_bytes += piece.length;
      }
      await handle.sync();
      await readBack(handle, payloadKey);
      return size_bytes;
    } finally {
      await handle.close();
    }
  }

  async #requireRoom(): Promise<void> {
    const { bavail, bsize } = await statfs(this.path);
    const { reserve_bytes = RESERVE_BYTES } = this.#options;
    if (bavail * bsize < reserve_bytes) {
      throw this.#noRoom();
    }
  }

  #noRoom(): CofferError {
    return new CofferError('backup.not-written', `there is no room for a backup in ${this.path}`, {
      hint: 'Free some space there, keep fewer of them with --keep, or set COFFER_BACKUP_DIRECTORY.',
    });
  }

  #explained(thrown: unknown): CofferError {
    switch (systemErrorCode(thrown) ?? '') {
      case 'ENOENT':
      case 'ENOTDIR':
        return new CofferError('backup.not-written', `there is no directory ${this.path}`, {
          hint: 'Mount or make it: it is named by COFFER_BACKUP_DIRECTORY, and never made by itself.',
          cause: thrown,
        });
      case 'ENOSPC':
      case 'EDQUOT':
        return this.#noRoom();
      default:
        return CofferError.from(thrown, 'backup.not-written');
    }
  }
}

async function openedBackup(handle: FileHandle, size_bytes: number): Promise<OpenedBackup> {
  try {
    const reader = new ExactReader(piecesOf(handle));
    const { offset_bytes } = await headerRead(reader);
    const { buffer } = await handle.read(Buffer.alloc(offset_bytes), 0, offset_bytes, 0);
    return {
      header: buffer,
      size_bytes,
      payload: () => piecesOf(handle, offset_bytes),
      close: () => handle.close(),
    };
  } catch (thrown) {
    await handle.close();
    throw thrown;
  }
}

/** The reader, behind the header. */
async function headerRead(reader: ExactReader): Promise<ExactReader> {
  try {
    await readHeader(reader);
    return reader;
  } finally {
    await reader.close();
  }
}

/** Whether what is in the file is what was meant to be: all of it is verified. */
async function readBack(handle: FileHandle, payloadKey: Buffer): Promise<void> {
  const reader = new ExactReader(piecesOf(handle));
  try {
    await readHeader(reader);
    for await (const record of paced(openBackup(payloadKey, reader), systemClock)) {
      if (record.kind === 'end') {
        return;
      }
    }
  } finally {
    await reader.close();
  }
}

/** What a file holds, from a byte on. Its owner closes it. */
async function* piecesOf(handle: FileHandle, start_bytes: number = 0): AsyncGenerator<Buffer> {
  for (let at_bytes = start_bytes; ; ) {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(PIECE_BYTES), 0, PIECE_BYTES, at_bytes);
    if (bytesRead === 0) {
      return;
    }
    at_bytes += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** undefined for one that has just gone. */
async function statOf(file: string): Promise<Stats | undefined> {
  return lstat(file).catch(() => undefined);
}
