// SPDX-License-Identifier: Apache-2.0
// A disk of its own for the plugins of an engine: a file system in a file, mounted on the engine's host alone. It can be filled, and
// it can be frozen (fsfreeze(8)), so that whoever writes waits: for a while as a disk that hangs, time and again as one that is slow.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { runCommand, tryCommand } from '../support/command.ts';
import type { Engine } from '../support/engine.ts';
import type { HostBox } from '../support/host-box.ts';

/** The plugin is there twice while it is upgraded, and coffer wants 48 MiB to be left. */
const SIZE = '1G';
const FILLER = 'filler';
/**
 * Freezes $1 for $2 seconds, thaws it for $3, and so on, $4 times. It runs on the test's own host, so that it thaws the disk even if
 * the test is killed; a signal ends it at the next turn.
 */
const STUTTER = [
  'trap "turns=0" TERM',
  'turns=$4',
  'while [ "$turns" -gt 0 ]; do',
  '  fsfreeze --freeze "$1"; sleep "$2"; fsfreeze --unfreeze "$1"',
  '  turns=$((turns - 1)); [ "$turns" -le 0 ] || sleep "$3"',
  'done',
].join('\n');

export interface Stutter {
  readonly frozen_ms: number;
  readonly free_ms: number;
  readonly times: number;
}

function environment(): Readonly<Record<string, string>> {
  return { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
}

/**
 * Gives the plugins of an engine that does not run a disk of their own, the same one each time: an engine that ends in peace unmounts it.
 * It goes with the engine's host.
 */
export async function mountLoopDisk(box: HostBox): Promise<void> {
  const image = path.join(box.directory, 'disk');
  const data = path.join(box.directory, 'data');
  const directory = path.join(data, 'plugins');
  const env = environment();
  if (!existsSync(image)) {
    mkdirSync(directory, { recursive: true });
    await runCommand(['truncate', '--size', SIZE, image], { env });
    await runCommand(['mkfs.ext4', '-q', '-m', '0', image], { env });
    // An engine whose directory is not a shared mount already mounts it over itself, and this disk would be below.
    await runCommand(box.inside(['mount', '--bind', '--make-shared', data, data]), { env });
  }
  const { code } = await tryCommand(box.inside(['mountpoint', '--quiet', directory]), { env });
  if (code !== 0) {
    await runCommand(box.inside(['mount', '-o', 'loop', image, directory]), { env });
  }
}

export class LoopDisk {
  readonly #box: HostBox;
  readonly #directory: string;
  #stutter: ChildProcess | undefined;

  /** Of an engine that `mountLoopDisk` gave one. */
  constructor({ box, dataDirectory }: Engine) {
    this.#box = box;
    this.#directory = path.join(dataDirectory, 'plugins');
  }

  /** Takes up all space but `left_bytes`. */
  async fill(left_bytes: number): Promise<void> {
    const { bavail, bsize } = statfsSync(this.#outside);
    const size_bytes = bavail * bsize - left_bytes;
    if (size_bytes > 0) {
      // What was free a moment ago may be less by now: then it is full as well.
      const words = ['--length', String(size_bytes), path.join(this.#outside, FILLER)];
      await tryCommand(['fallocate', ...words], { env: environment() });
    }
  }

  /** Gives back what `fill` took. */
  free(): void {
    rmSync(path.join(this.#outside, FILLER), { force: true });
  }

  /** Begins to let it stutter; it ends by itself, or with `thaw`. */
  stutter({ frozen_ms, free_ms, times }: Stutter): void {
    const seconds = (time_ms: number): string => (time_ms / 1_000).toFixed(3);
    const numbers = [seconds(frozen_ms), seconds(free_ms), String(times)];
    const shell = ['sh', '-c', STUTTER, 'stutter', this.#directory, ...numbers];
    const inMounts = [`--target=${this.#box.init}`, '--mount', '--', ...shell];
    this.#stutter = spawn('nsenter', inMounts, { stdio: 'ignore', env: environment() });
  }

  /** Resolves when it stutters no more. */
  async thaw(): Promise<void> {
    const stutter = this.#stutter;
    if (stutter !== undefined && stutter.exitCode === null && stutter.signalCode === null) {
      const ended = once(stutter, 'exit');
      stutter.kill('SIGTERM');
      await ended;
    }
    this.#stutter = undefined;
  }

  get #outside(): string {
    return this.#box.reach(this.#directory);
  }
}
