// SPDX-License-Identifier: Apache-2.0
// A disk that can be filled: a tmpfs of a few megabytes.
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import path from 'node:path';
import { atProcessEnd } from './cleanup.ts';

/** Why this process cannot mount a disk; undefined when it can. */
export function whyNoSmallDisk(): string | undefined {
  return process.getuid?.() === 0 ? undefined : 'only root can mount the tmpfs that is filled';
}

function run(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  }
}

export class SmallDisk {
  readonly path: string;
  readonly #forget: () => void;
  readonly #filler: string;

  constructor(parent: string, size_bytes: number) {
    this.path = path.join(parent, 'disk');
    this.#filler = path.join(this.path, 'filler');
    mkdirSync(this.path);
    run('mount', '-t', 'tmpfs', '-o', `size=${size_bytes},mode=0700`, 'coffer-test', this.path);
    this.#forget = atProcessEnd(() => run('umount', '-l', this.path));
  }

  get free_bytes(): number {
    const { bavail, bsize } = statfsSync(this.path);
    return bavail * bsize;
  }

  /** Takes up the space until `free_bytes` are left, or less, where others write as well. */
  fill(free_bytes: number): void {
    const file = openSync(this.#filler, 'a');
    try {
      for (let left = this.free_bytes - free_bytes; left > 0; ) {
        left -= writeSync(file, Buffer.alloc(Math.min(left, 1024 * 1024)));
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') {
        throw error;
      }
    } finally {
      closeSync(file);
    }
  }

  /** Gives back all that `fill` took. */
  free(): void {
    rmSync(this.#filler, { force: true });
  }

  unmount(): void {
    run('umount', this.path);
    this.#forget();
  }
}
