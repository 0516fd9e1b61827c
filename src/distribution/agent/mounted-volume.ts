// SPDX-License-Identifier: Apache-2.0
import { CofferError } from '../../common/index.ts';
import type { VolumeFile, VolumeSpec } from '../volume-model.ts';
import type { HeldVersion } from './holdings.ts';
import type { VolumePlace } from './memory-mounts.ts';
import {
  type FileVersion,
  type MountRecord,
  readMountRecord,
  type VolumeMount,
  writeMountRecord,
} from './mount-record.ts';
import { VolumeFiles } from './volume-files.ts';

export interface Brought {
  /** Files that were made or replaced. */
  readonly written: number;
  readonly wiped: number;
}

/** A volume that is mounted: its files, and what is written down of them. */
export class MountedVolume {
  readonly name: string;
  readonly spec: VolumeSpec;
  readonly place: VolumePlace;
  readonly #files: VolumeFiles;
  #record: MountRecord;

  private constructor(name: string, spec: VolumeSpec, place: VolumePlace, record: MountRecord) {
    this.name = name;
    this.spec = spec;
    this.place = place;
    this.#files = new VolumeFiles(place);
    this.#record = record;
  }

  /** In a place that was just made: nothing of an older one is left in it. */
  static create(
    volume: Pick<MountRecord, 'options' | 'createdAt'> & { readonly name: string },
    spec: VolumeSpec,
    place: VolumePlace,
  ): MountedVolume {
    const { name, options, createdAt } = volume;
    const mounted = new MountedVolume(name, spec, place, { options, createdAt, mounts: [], files: [] });
    mounted.#files.wipeAll();
    return mounted;
  }

  /**
   * As a process before this one has left it. A file that it had no time to write down is taken for one of an unknown version.
   */
  static adopt(
    name: string,
    place: VolumePlace,
    record: MountRecord,
    specOf: (options: Readonly<Record<string, string>>) => VolumeSpec,
  ): MountedVolume {
    const mounted = new MountedVolume(name, specOf(record.options), place, record);
    const names = mounted.#files.names();
    const known = record.files.filter(({ file }) => names.includes(file));
    const unknown = names.filter((file) => !known.some((other) => other.file === file));
    mounted.#record = {
      ...record,
      files: [...known, ...unknown.map((file) => ({ file, secretId: '', version: 0 }))],
    };
    return mounted;
  }

  get mounts(): readonly VolumeMount[] {
    return this.#record.mounts;
  }

  get options(): Readonly<Record<string, string>> {
    return this.#record.options;
  }

  get createdAt(): string {
    return this.#record.createdAt;
  }

  /** Those that a container may be starting with. */
  get starting(): ReadonlySet<string> {
    return new Set(this.#record.mounts.flatMap(({ starting }) => starting));
  }

  /** Throws `volume.unavailable`. */
  setMounts(mounts: readonly VolumeMount[]): void {
    this.#write({ ...this.#record, mounts });
  }

  /**
   * Makes the files to be those that are due, and no others. One that cannot be written stays as it was, and after all others
   * were tried throws `volume.unavailable`.
   */
  bring(due: ReadonlyMap<string, HeldVersion>): Brought {
    // First what is not due any more: nothing that comes later may keep it.
    const wiped = this.#record.files.filter(({ file }) => !due.has(file));
    wiped.forEach(({ file }) => this.#files.wipe(file));
    const { written, failure } = this.#replace(due);
    if (wiped.length + written.length > 0) {
      const others = this.#record.files.filter(
        ({ file }) => due.has(file) && !written.some((other) => other.file === file),
      );
      this.#write({ ...this.#record, files: [...others, ...written] });
    }
    if (failure !== undefined) {
      throw failure;
    }
    return { written: written.length, wiped: wiped.length };
  }

  /** Overwrites all that containers see, whatever is due. */
  wipe(): void {
    this.#files.wipeAll();
    this.#record = { ...this.#record, files: [] };
  }

  /** Writes what is due in another version than it is there. */
  #replace(due: ReadonlyMap<string, HeldVersion>): {
    readonly written: readonly FileVersion[];
    readonly failure: CofferError | undefined;
  } {
    const written: FileVersion[] = [];
    let failure: CofferError | undefined;
    for (const file of this.spec.files) {
      const version = due.get(file.file);
      if (version === undefined || this.#has(file, version)) {
        continue;
      }
      try {
        this.#files.put(file, version.value);
        written.push({ file: file.file, secretId: version.secretId, version: version.version });
      } catch (thrown) {
        failure ??= CofferError.from(thrown, 'volume.unavailable');
      }
    }
    return { written, failure };
  }

  #has({ file }: VolumeFile, { secretId, version }: HeldVersion): boolean {
    return this.#record.files.some(
      (have) => have.file === file && have.secretId === secretId && have.version === version,
    );
  }

  #write(record: MountRecord): void {
    // What is so in the files is so here, also if it cannot be written down.
    this.#record = record;
    writeMountRecord(record, (name, content) => this.#files.putBeside(name, content));
  }
}

/** What a process before this one has written down of a place; undefined: nothing that can be read. */
export function recordOf(place: VolumePlace): MountRecord | undefined {
  return readMountRecord(place.memory);
}
