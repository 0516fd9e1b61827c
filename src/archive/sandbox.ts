// SPDX-License-Identifier: Apache-2.0
// A store for a while: a cluster of one with keys of its own, in memory where the machine lets it, of which nothing is left.
import type { Dirent } from 'node:fs';
import { mkdtemp, open, readdir, rm, statfs } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import path from 'node:path';
import { CofferError, silentLogger } from '../common/index.ts';
import { readTextIfThere, writeFileAtomically } from '../storage/index.ts';
import { openStore, type ReplicatedStore } from '../store/index.ts';

const PREFIX = 'coffer-drill-';
/** In the state directory: where the present sandbox is, so that the next process finds it if this one is killed. */
const NOTE = 'drill-directory';
/** What Linux says of a file system in memory. */
const TMPFS = 0x0102_1994;
/** The secrets, the log that they went through, and what LevelDB rewrites. */
const SPACE_SHARE = 4;
const SPACE_MIN_BYTES = 64 * 1024 * 1024;
const RESERVE_BYTES = 8 * 1024 * 1024;
const ZEROS = Buffer.alloc(64 * 1024);

/** Where a sandbox may be made. */
export interface SandboxPlaces {
  /** Those of them that are file systems in memory. */
  readonly inMemory: readonly string[];
  readonly onDisk: string;
}

export interface SandboxOptions {
  /** The real one, in which nothing but the note is written. */
  readonly stateDirectory: string;
  /** What is to go into the sandbox. */
  readonly size_bytes: number;
  readonly monotonic_ms: () => number;
  /** Default: those that Linux has. */
  readonly places?: SandboxPlaces | undefined;
}

export interface Sandbox {
  readonly inMemory: boolean;
  readonly store: ReplicatedStore;
  /** Closes the store and opens it again, as after a restart. */
  reopen(): Promise<ReplicatedStore>;
}

/** Runs `work` with a sandbox, which is overwritten and deleted when it ends, however it ends. */
export async function withSandbox<T>(
  options: SandboxOptions,
  work: (sandbox: Sandbox) => Promise<T>,
): Promise<T> {
  await removeLeftSandbox(options.stateDirectory);
  const { directory, inMemory } = await makeDirectory(options);
  const note = path.join(options.stateDirectory, NOTE);
  let store: ReplicatedStore | undefined;
  try {
    await writeFileAtomically(note, Buffer.from(directory));
    store = await openIn(directory, options);
    const reopen = async (): Promise<ReplicatedStore> => {
      await store?.close();
      store = await openIn(directory, options);
      return store;
    };
    return await work({ inMemory, store, reopen });
  } finally {
    await store?.close().catch(() => undefined);
    await wipe(directory);
    await rm(note, { force: true });
  }
}

/** Removes the sandbox of a process that was killed, if there is one. */
export async function removeLeftSandbox(stateDirectory: string): Promise<void> {
  const note = path.join(stateDirectory, NOTE);
  const directory = await readTextIfThere(note);
  if (directory === undefined) {
    return;
  }
  if (path.isAbsolute(directory) && path.basename(directory).startsWith(PREFIX)) {
    await wipe(directory);
  }
  await rm(note, { force: true });
}

function openIn(directory: string, { monotonic_ms }: SandboxOptions): Promise<ReplicatedStore> {
  return openStore({
    stateDirectory: path.join(directory, 'state'),
    logger: silentLogger,
    // What fails rejects what is asked of the store, and that is told.
    onFault: () => undefined,
    monotonic_ms,
    diskReserve_bytes: RESERVE_BYTES,
  });
}

/** Mode 0700. In memory, where there is room; else on a disk, which then keeps for a while what was overwritten there. */
async function makeDirectory({
  places = { inMemory: ['/dev/shm', '/run', tmpdir()], onDisk: tmpdir() },
  size_bytes,
}: SandboxOptions): Promise<{ readonly directory: string; readonly inMemory: boolean }> {
  const needed_bytes = SPACE_MIN_BYTES + SPACE_SHARE * size_bytes;
  if (freemem() > 2 * needed_bytes) {
    for (const parent of places.inMemory) {
      const directory = await attempt(parent, needed_bytes, true);
      if (directory !== undefined) {
        return { directory, inMemory: true };
      }
    }
  }
  const directory = await attempt(places.onDisk, needed_bytes, false);
  if (directory === undefined) {
    throw new CofferError(
      'backup.drill',
      `there is no room for a sandbox of ${needed_bytes} bytes in ${places.onDisk}`,
      {
        hint: 'Free some space there, or name another place by TMPDIR.',
      },
    );
  }
  return { directory, inMemory: false };
}

async function attempt(
  parent: string,
  needed_bytes: number,
  onlyInMemory: boolean,
): Promise<string | undefined> {
  try {
    const { bavail, bsize, type } = await statfs(parent);
    const fits = bavail * bsize >= needed_bytes && (!onlyInMemory || type === TMPFS);
    return fits ? await mkdtemp(path.join(parent, PREFIX)) : undefined;
  } catch {
    // It is not there, or not for this process.
    return undefined;
  }
}

/** Overwrites all files, and removes the directory. */
async function wipe(directory: string): Promise<void> {
  const entries: readonly Dirent[] = await readdir(directory, { recursive: true, withFileTypes: true }).catch(
    () => [],
  );
  for (const entry of entries.filter((one) => one.isFile())) {
    await overwrite(path.join(entry.parentPath, entry.name)).catch(() => undefined);
  }
  await rm(directory, { recursive: true, force: true });
}

async function overwrite(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    const { size } = await handle.stat();
    for (let at_bytes = 0; at_bytes < size; at_bytes += ZEROS.length) {
      await handle.write(ZEROS, 0, Math.min(ZEROS.length, size - at_bytes), at_bytes);
    }
    await handle.datasync();
  } finally {
    await handle.close();
  }
}
