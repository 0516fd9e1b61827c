// SPDX-License-Identifier: Apache-2.0
// The file systems in memory that hold the files of volumes, and their read-only views (docs/distribution.md).
import { mkdirSync, readdirSync, realpathSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { CofferError, invariant, systemErrorCode } from '../../common/index.ts';
import { type MountPoint, readMountPoints } from './mount-points.ts';
import type { MountTool } from './mount-tool.ts';
import { isVolumeName } from './volume-name.ts';

const FILES = 'files';
const VIEW_FLAGS = ['ro', 'nosuid', 'nodev', 'noexec'];
/** Of one volume, on top of each other: more than one only if somebody else mounts there. */
const LAYERS_MAX = 8;

/** Where one volume is. */
export interface VolumePlace {
  /** The root of the file system in memory: for coffer alone. */
  readonly memory: string;
  /** In `memory`: what containers see. */
  readonly files: string;
  /**
   * `files` again, where nobody can write: below a read-only mount of the memory, and not the mount itself. So where that does not
   * reach the engine there is nothing to start a container with, rather than an empty directory.
   */
  readonly view: string;
}

/** What volumes need of it. */
export interface VolumePlaces {
  /** Makes the place of a volume, or takes up the one that is there. Rejects with `volume.unavailable`; nothing is left then. */
  make(name: string, size_bytes: number): Promise<VolumePlace>;
  /** Takes it away with all that is in it. Nothing happens if there is none. Rejects with `volume.unavailable`. */
  undo(name: string): Promise<void>;
  /** Those that are whole, by name: left by a process before this one. Half-made ones are undone. */
  found(): Promise<ReadonlyMap<string, VolumePlace>>;
}

export class MemoryMounts implements VolumePlaces {
  readonly #directory: string;
  readonly #tool: MountTool;

  /** `directory` is made if it is not there. */
  constructor(directory: string, tool: MountTool) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    // As the kernel names it.
    this.#directory = realpathSync(directory);
    this.#tool = tool;
  }

  async make(name: string, size_bytes: number): Promise<VolumePlace> {
    const place = this.#place(name);
    if (isWhole(place, readMountPoints())) {
      return place;
    }
    await this.undo(name);
    try {
      mkdirSync(place.memory, { recursive: true, mode: 0o700 });
      const shown = shownOf(place);
      mkdirSync(shown, { recursive: true, mode: 0o700 });
      await this.#tool.memory(place.memory, size_bytes);
      requireMemory(place);
      mkdirSync(place.files, { mode: 0o755 });
      const apart = apartOf(place);
      mkdirSync(apart, { mode: 0o700 });
      await this.#tool.view(place.memory, shown, apart);
      removeEmpty(apart);
      if (!isWhole(place, readMountPoints())) {
        throw new CofferError('volume.unavailable', `the volume ${name} is not mounted as it was to be`);
      }
    } catch (thrown) {
      await this.undo(name).catch(() => undefined);
      throw CofferError.from(thrown, 'volume.unavailable');
    }
    return place;
  }

  async undo(name: string): Promise<void> {
    const place = this.#place(name);
    for (const target of [apartOf(place), shownOf(place), place.memory]) {
      for (let layer = 0; layer < LAYERS_MAX && isMounted(target); layer += 1) {
        await this.#tool.unmount(target);
      }
      removeEmpty(target);
    }
    removeEmpty(path.dirname(place.memory));
  }

  async found(): Promise<ReadonlyMap<string, VolumePlace>> {
    const points = readMountPoints();
    const whole = new Map<string, VolumePlace>();
    for (const name of readdirSync(this.#directory).filter(isVolumeName)) {
      const place = this.#place(name);
      if (isWhole(place, points)) {
        whole.set(name, place);
      } else {
        await this.undo(name);
      }
    }
    return whole;
  }

  #place(name: string): VolumePlace {
    invariant(isVolumeName(name), 'a volume has a name that is no path');
    const directory = path.join(this.#directory, name);
    const memory = path.join(directory, 'memory');
    return { memory, files: path.join(memory, FILES), view: path.join(directory, 'view', FILES) };
  }
}

/** Where the memory is mounted again, read-only. */
function shownOf({ view }: VolumePlace): string {
  return path.dirname(view);
}

/** Where the view comes from: mounted only while it is made. */
function apartOf({ memory }: VolumePlace): string {
  return path.join(path.dirname(memory), 'apart');
}

/** Before the first file is written: below it may be a disk. */
function requireMemory(place: VolumePlace): void {
  if (!readMountPoints().some(({ path: at, type }) => at === place.memory && type === 'tmpfs')) {
    throw new CofferError('volume.unavailable', `there is no memory mounted at ${place.memory}`);
  }
}

function isWhole(place: VolumePlace, points: readonly MountPoint[]): boolean {
  const isTheOnly = (target: string, flags: readonly string[]): boolean => {
    const [point, ...others] = points.filter(({ path: at }) => at === target);
    return (
      point?.type === 'tmpfs' &&
      point.root === '/' &&
      flags.every((flag) => point.options.includes(flag)) &&
      others.length === 0
    );
  };
  return isTheOnly(place.memory, []) && isTheOnly(shownOf(place), VIEW_FLAGS);
}

function isMounted(target: string): boolean {
  return readMountPoints().some(({ path: at }) => at === target);
}

/** Never what has something in it, which would be somebody else's. */
function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (thrown) {
    if (systemErrorCode(thrown) !== 'ENOENT') {
      throw new CofferError(
        'volume.unavailable',
        `${directory} cannot be removed: ${CofferError.from(thrown).detail}`,
        { cause: thrown },
      );
    }
  }
}
