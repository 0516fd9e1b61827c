// SPDX-License-Identifier: Apache-2.0
// A directory in memory with secrets for one process, which is wiped when that has ended: by whoever made it, or, if that was killed,
// by the next one that makes one.
import {
  chmodSync,
  closeSync,
  type Dirent,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { systemErrorCode } from '../common/index.ts';
import { usageError } from './command-error.ts';

/** `statfs(2)`: file systems that have no disk behind them. */
const MEMORY_FILE_SYSTEMS: readonly number[] = [0x01021994, 0x858458f6];
const PREFIX = 'coffer-run-';
const FILES = 'secrets';
const OWNERS = 'owners';
const LEFT_BEHIND_MAX = 100;
const BLOCK_BYTES = 64 * 1024;

export interface MemoryPlaces {
  /** Of the `--dir` option: then there alone. */
  readonly wished: string | undefined;
  /** `XDG_RUNTIME_DIR`. */
  readonly runtime: string | undefined;
}

export class SecretDirectory {
  /** Where the files are. */
  readonly path: string;
  readonly #whole: string;

  private constructor(whole: string) {
    this.#whole = whole;
    this.path = path.join(whole, FILES);
  }

  /** Throws a usage error where no memory can be written to. What others were killed on, and left, is wiped first. */
  static create(places: MemoryPlaces): SecretDirectory {
    const parent = memoryPlace(places);
    wipeLeftBehind(parent);
    const directory = new SecretDirectory(mkdtempSync(path.join(parent, PREFIX)));
    directory.#own([process.pid]);
    mkdirSync(directory.path, { mode: 0o700 });
    return directory;
  }

  /** A file for its owner alone to read. */
  write(name: string, value: Buffer): void {
    const file = openSync(path.join(this.path, name), 'wx', 0o400);
    try {
      for (let at = 0; at < value.length; ) {
        at += writeSync(file, value, at);
      }
    } finally {
      closeSync(file);
    }
  }

  /** That the files are this process's too, which may go on without the one that made them. */
  share(pid: number): void {
    this.#own([process.pid, pid]);
  }

  /** Overwrites the files, and removes all of it. It waits for nothing. */
  wipe(): void {
    wipeDirectory(this.#whole);
  }

  #own(pids: readonly number[]): void {
    const lines = pids.map((pid) => `${pid} ${startOf(pid) ?? 0}\n`);
    writeFileSync(path.join(this.#whole, OWNERS), lines.join(''), { mode: 0o600 });
  }
}

function memoryPlace({ runtime, wished }: MemoryPlaces): string {
  if (wished !== undefined) {
    if (!isMemory(wished)) {
      throw usageError(
        `${wished} is not a directory in memory, where secrets leave nothing on a disk`,
        'Give one on a tmpfs, such as /run or /dev/shm, or leave out --dir.',
      );
    }
    return wished;
  }
  const uid = process.getuid?.() ?? 0;
  const candidates = [runtime ?? '', `/run/user/${uid}`, ...(uid === 0 ? ['/run'] : []), '/dev/shm'];
  const found = candidates.find((place) => path.isAbsolute(place) && isMemory(place));
  if (found === undefined) {
    throw usageError(
      'there is no directory in memory to put secrets into',
      'Give one on a tmpfs with --dir, or have the secrets in the environment: --env VARIABLE=NAME',
    );
  }
  return found;
}

function isMemory(place: string): boolean {
  try {
    return statSync(place).isDirectory() && MEMORY_FILE_SYSTEMS.includes(statfsSync(place).type);
  } catch {
    return false;
  }
}

function wipeLeftBehind(parent: string): void {
  const uid = process.getuid?.() ?? 0;
  const names = readdirSync(parent).filter((name) => name.startsWith(PREFIX));
  for (const name of names.slice(0, LEFT_BEHIND_MAX)) {
    const whole = path.join(parent, name);
    try {
      // Not what a link of somebody else's leads to.
      const found = lstatSync(whole);
      if (found.isDirectory() && found.uid === uid && !isOwned(whole)) {
        wipeDirectory(whole);
      }
    } catch {
      // Its owner has just removed it.
    }
  }
}

/** Without a word on its owners, it is being made. */
function isOwned(whole: string): boolean {
  const lines = readFileSync(path.join(whole, OWNERS), 'utf8').trim().split('\n');
  return lines.some((line) => {
    const [pid = '', start = ''] = line.split(' ');
    return startOf(Number(pid)) === Number(start);
  });
}

/** When a process began, in clock ticks since the machine did; undefined if there is none. A number of a process is used again. */
function startOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name may hold anything; the start is the 22nd field (proc(5)).
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    return undefined;
  }
}

/** What is no file, the process has put there: it goes without being overwritten. */
function wipeDirectory(whole: string): void {
  const files = path.join(whole, FILES);
  for (const entry of listed(files)) {
    if (entry.isFile()) {
      wipeFile(path.join(files, entry.name));
    }
  }
  rmSync(whole, { recursive: true, force: true });
}

function listed(directory: string): readonly Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'ENOENT') {
      return [];
    }
    throw thrown;
  }
}

function wipeFile(file: string): void {
  chmodSync(file, 0o600);
  const { size } = statSync(file);
  const opened = openSync(file, 'r+');
  try {
    const zeros = Buffer.alloc(Math.min(size, BLOCK_BYTES));
    for (let at = 0; at < size; ) {
      at += writeSync(opened, zeros, 0, Math.min(zeros.length, size - at), at);
    }
  } finally {
    closeSync(opened);
  }
}
