// SPDX-License-Identifier: Apache-2.0
// The database as it was before a start. LevelDB changes what it opens: it drops what it cannot read of a damaged log,
// and deletes the log. Hard links keep the files until the start has verified them; a start that refuses
// them puts them back, so that the next one finds the same damage.
import { link, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { systemErrorCode } from '../common/index.ts';
import { syncDirectory } from './atomic-file.ts';

/** What LevelDB makes anew at each start. */
const NOT_KEPT = new Set(['LOCK', 'LOG', 'LOG.old']);

/** Keeps the files of a database that is not open. They are immutable, or replaced as a whole. */
export class StartCopy {
  readonly #database: string;
  readonly #copy: string;
  readonly #unfinished: string;
  readonly #discarded: string;

  constructor(database: string) {
    this.#database = database;
    this.#copy = `${database}.before-start`;
    this.#unfinished = `${this.#copy}.new`;
    this.#discarded = `${this.#copy}.old`;
  }

  /** Makes the copy, whole or not at all. */
  async make(): Promise<void> {
    await removeAll(this.#unfinished, this.#discarded);
    await mkdir(this.#unfinished, { mode: 0o700 });
    const names = (await readdir(this.#database)).filter((name) => !NOT_KEPT.has(name));
    for (const name of names) {
      await link(path.join(this.#database, name), path.join(this.#unfinished, name));
    }
    await syncDirectory(this.#unfinished);
    await rename(this.#unfinished, this.#copy);
  }

  /** Puts the copy back in the place of the database, if there is one: its start did not come to its end. */
  async restore(): Promise<void> {
    if (!(await exists(this.#copy))) {
      return;
    }
    await removeAll(this.#database);
    await rename(this.#copy, this.#database);
    await syncDirectory(path.dirname(this.#database));
  }

  /** Lets go of the copy, durably: from here on, a restored copy would be older than what was acknowledged. */
  async discard(): Promise<void> {
    await rename(this.#copy, this.#discarded);
    await syncDirectory(path.dirname(this.#database));
    await removeAll(this.#discarded);
  }
}

async function removeAll(...directories: readonly string[]): Promise<void> {
  for (const directory of directories) {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Whether there is a file or directory of that name. */
export async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'ENOENT') {
      return false;
    }
    throw thrown;
  }
}
