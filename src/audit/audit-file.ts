// SPDX-License-Identifier: Apache-2.0
// The log as files of bounded size: audit.log, and before it audit.1.log, audit.2.log and so on, the oldest last.
import { type FileHandle, open, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { CofferError, systemErrorCode } from '../common/index.ts';
import { makePrivateDirectory, syncDirectory } from '../storage/index.ts';
import { type ChainedLine, type ChainPosition, newChain, textOf } from './chain.ts';
import { readFirstSeq, readTail } from './file-tail.ts';
import type { AuditSink, OpenedSink } from './sink.ts';

export interface AuditFileOptions {
  readonly directory: string;
  /** Of one file; it is a little more at most. */
  readonly size_bytes: number;
  /** How many files there are at most; two or more. */
  readonly keep: number;
}

/** A file of the log for reading, up to where it was written. The reader closes it. */
export interface AuditPart {
  readonly handle: FileHandle;
  readonly size_bytes: number;
}

const SYNC_MS = 1_000;

export class AuditFile implements AuditSink, OpenedSink {
  readonly name = 'file';
  readonly #options: AuditFileOptions;
  #handle: FileHandle | undefined;
  #size_bytes = 0;
  /** Which file is open; another one in its place is not this log. */
  #inode = 0;
  /** The first record of each file that there is, the oldest first. */
  #firsts: readonly number[] = [];
  #position: ChainPosition = newChain();
  #remark: string | undefined;
  #syncTimer: NodeJS.Timeout | undefined;
  /** Why what was written may not be on the disk. */
  #syncFault: CofferError | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: AuditFileOptions) {
    this.#options = options;
  }

  get position(): ChainPosition {
    return this.#position;
  }

  get remark(): string | undefined {
    return this.#remark;
  }

  get beginning(): { readonly from: number } | undefined {
    const [from] = this.#firsts;
    return this.#size_bytes === 0 && from !== undefined ? { from } : undefined;
  }

  get room_bytes(): number {
    return Math.max(0, this.#options.size_bytes - this.#size_bytes);
  }

  /** Goes on with what is there. A line that a crash has torn is cut off, which the remark says. */
  open(): Promise<OpenedSink> {
    return this.#inTurn(async () => {
      await makePrivateDirectory(this.#options.directory);
      const handle = await open(this.#file(0), 'a+', 0o600);
      try {
        const tail = await readTail(handle);
        const torn_bytes = tail.size_bytes - tail.whole_bytes;
        if (torn_bytes > 0) {
          await handle.truncate(tail.whole_bytes);
          this.#remark = `${torn_bytes} bytes of a line that was not whole were cut off`;
        }
        this.#position = tail.position ?? (await this.#positionBefore()) ?? newChain();
        this.#size_bytes = tail.whole_bytes;
        this.#firsts = await this.#readFirsts();
        this.#inode = (await handle.stat()).ino;
        this.#handle = handle;
      } catch (thrown) {
        await handle.close();
        throw thrown;
      }
      return this;
    });
  }

  makeRoom(): Promise<void> {
    return this.#inTurn(async () => {
      const { directory, keep } = this.#options;
      await this.#syncNow();
      await this.#handle?.close();
      this.#handle = undefined;
      for (let age = keep - 1; age >= 1; age -= 1) {
        await renameIfThere(this.#file(age - 1), this.#file(age));
      }
      // From here on there is room, also if the new file cannot be made yet: nothing is renamed twice.
      this.#size_bytes = 0;
      // The new file is one of those that are kept.
      this.#firsts = this.#firsts.slice(-(keep - 1));
      await this.#reopen();
      await syncDirectory(directory);
    });
  }

  write(lines: readonly ChainedLine[]): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#syncFault !== undefined) {
        await this.#syncNow();
      }
      const handle = await this.#present();
      const bytes = Buffer.from(textOf(lines));
      await writeAll(handle, bytes, this.#size_bytes);
      const [first] = lines;
      if (this.#size_bytes === 0 && first !== undefined) {
        this.#firsts = [...this.#firsts, first.record.seq];
      }
      this.#size_bytes += bytes.length;
      this.#syncTimer ??= setTimeout(() => void this.#syncLater(), SYNC_MS).unref();
    });
  }

  sync(): Promise<void> {
    return this.#inTurn(() => this.#syncNow());
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#syncNow();
      await this.#handle?.close();
      this.#handle = undefined;
    });
  }

  /** All files as they are now, the oldest first; none is renamed in between. */
  parts(): Promise<readonly AuditPart[]> {
    return this.#inTurn(async () => {
      const parts: AuditPart[] = [];
      for (let age = this.#options.keep - 1; age >= 0; age -= 1) {
        const handle = await openIfThere(this.#file(age));
        if (handle !== undefined) {
          parts.push({ handle, size_bytes: (await handle.stat()).size });
        }
      }
      return parts;
    });
  }

  /** A file that somebody has moved away is not written to unseen: another one is begun, whose first record says so. */
  async #present(): Promise<FileHandle> {
    const found = await stat(this.#file(0)).catch(() => undefined);
    if (this.#handle !== undefined && found?.ino === this.#inode) {
      return this.#handle;
    }
    await this.#handle?.close().catch(() => undefined);
    this.#handle = undefined;
    const before_bytes = this.#size_bytes;
    await makePrivateDirectory(this.#options.directory);
    const handle = await this.#reopen();
    if (this.#size_bytes !== before_bytes) {
      throw new CofferError('audit.unavailable', 'the file of the audit log was moved away or deleted');
    }
    return handle;
  }

  async #reopen(): Promise<FileHandle> {
    const handle = await open(this.#file(0), 'a+', 0o600);
    const { ino, size } = await handle.stat();
    this.#handle = handle;
    this.#inode = ino;
    this.#size_bytes = size;
    return handle;
  }

  async #syncLater(): Promise<void> {
    await this.sync().catch((thrown: unknown) => {
      this.#syncFault = CofferError.from(thrown);
    });
  }

  async #syncNow(): Promise<void> {
    clearTimeout(this.#syncTimer);
    this.#syncTimer = undefined;
    await this.#handle?.datasync();
    this.#syncFault = undefined;
  }

  /** The end of the file before, for a daemon that ended between two files. */
  async #positionBefore(): Promise<ChainPosition | undefined> {
    const handle = await openIfThere(this.#file(1));
    try {
      return handle && (await readTail(handle)).position;
    } finally {
      await handle?.close();
    }
  }

  async #readFirsts(): Promise<readonly number[]> {
    const firsts: number[] = [];
    for (let age = this.#options.keep - 1; age >= 0; age -= 1) {
      const handle = await openIfThere(this.#file(age));
      const first = handle && (await readFirstSeq(handle));
      await handle?.close();
      if (first !== undefined) {
        firsts.push(first);
      }
    }
    return firsts;
  }

  #file(age: number): string {
    return path.join(this.#options.directory, age === 0 ? 'audit.log' : `audit.${age}.log`);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}

/** What cannot be written whole is taken back, so that it can be written again. */
async function writeAll(handle: FileHandle, bytes: Buffer, size_bytes: number): Promise<void> {
  try {
    for (let written = 0; written < bytes.length; ) {
      written += (await handle.write(bytes, written)).bytesWritten;
    }
  } catch (thrown) {
    await handle.truncate(size_bytes);
    throw thrown;
  }
}

async function renameIfThere(from: string, to: string): Promise<void> {
  await rename(from, to).catch(unlessMissing);
}

async function openIfThere(file: string): Promise<FileHandle | undefined> {
  return open(file, 'r').catch(unlessMissing);
}

function unlessMissing(thrown: unknown): undefined {
  if (systemErrorCode(thrown) !== 'ENOENT') {
    throw thrown;
  }
}
