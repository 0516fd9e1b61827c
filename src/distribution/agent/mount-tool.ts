// SPDX-License-Identifier: Apache-2.0
// mount(2) and umount(2) by way of the programs, since Node.js has neither. The arguments are those that util-linux and busybox share.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CofferError } from '../../common/index.ts';

const run = promisify(execFile);

const TIMEOUT_MS = 5_000;
const OUTPUT_BYTES_MAX = 64 * 1024;
/** For whoever looks at the list of mounts. */
const SOURCE = 'coffer';
const NO_RUNNING = 'nosuid,nodev,noexec';

/** A program with its first arguments: `['mount']`, or `['/bin/busybox', 'mount']`. */
export type Program = readonly [string, ...string[]];

export interface MountPrograms {
  readonly mount: Program;
  readonly umount: Program;
}

export const SYSTEM_MOUNT_PROGRAMS: MountPrograms = { mount: ['mount'], umount: ['umount'] };

/** Each method rejects with `volume.unavailable`, in the program's own words. */
export class MountTool {
  readonly #programs: MountPrograms;
  /** Kernels before 6.4 do not have it. */
  #noswap = true;

  constructor(programs: MountPrograms = SYSTEM_MOUNT_PROGRAMS) {
    this.#programs = programs;
  }

  /** An empty file system in memory, which only its owner may enter, and which is not swapped out where the kernel can do without. */
  async memory(directory: string, size_bytes: number): Promise<void> {
    const options = `size=${size_bytes},mode=0700,${NO_RUNNING}`;
    const mount = (all: string): Promise<void> =>
      this.#run(this.#programs.mount, ['-t', 'tmpfs', '-o', all, SOURCE, directory]);
    if (!this.#noswap) {
      await mount(options);
      return;
    }
    try {
      await mount(`${options},noswap`);
    } catch {
      await mount(options);
      this.#noswap = false;
    }
  }

  /**
   * Shows `source` at `target` too, where nobody can write. `apart` is an empty directory, and is one again afterwards.
   *
   * A mount reaches other namespaces, the engine's and so the containers', as it is at first: a later change of its flags does not.
   * And a bind takes its flags from what it binds. So it is made read-only at a place that nothing spreads from.
   */
  async view(source: string, target: string, apart: string): Promise<void> {
    await this.#mount('bind', apart, apart);
    await this.#run(this.#programs.mount, ['--make-private', apart]);
    await this.#mount('bind', source, apart);
    await this.#mount(`remount,bind,ro,${NO_RUNNING}`, source, apart);
    await this.#mount('bind', apart, target);
    await this.unmount(apart);
    await this.unmount(apart);
  }

  /** One that is in use is out of sight at once, and ends with its last use. */
  async unmount(target: string): Promise<void> {
    try {
      await this.#run(this.#programs.umount, [target]);
    } catch {
      await this.#run(this.#programs.umount, ['-l', target]);
    }
  }

  #mount(options: string, source: string, target: string): Promise<void> {
    return this.#run(this.#programs.mount, ['-o', options, source, target]);
  }

  async #run([file, ...first]: Program, args: readonly string[]): Promise<void> {
    try {
      await run(file, [...first, ...args], {
        timeout: TIMEOUT_MS,
        killSignal: 'SIGKILL',
        maxBuffer: OUTPUT_BYTES_MAX,
      });
    } catch (cause) {
      throw new CofferError('volume.unavailable', `${[file, ...first].join(' ')} failed: ${wordsOf(cause)}`, {
        cause,
      });
    }
  }
}

function wordsOf(thrown: unknown): string {
  const said =
    thrown instanceof Error && 'stderr' in thrown && typeof thrown.stderr === 'string' ? thrown.stderr : '';
  const [line = ''] = said.trim().split('\n');
  return line === '' ? CofferError.from(thrown).detail : line;
}
