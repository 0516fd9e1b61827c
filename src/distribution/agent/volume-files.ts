// SPDX-License-Identifier: Apache-2.0
// The files of one volume. All of it is synchronous: memory keeps nobody waiting, and so nothing comes between the decision that
// a file is due, the value, and the file.
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { CofferError, type SecretValue, systemErrorCode } from '../../common/index.ts';
import type { VolumeFile } from '../volume-model.ts';
import type { VolumePlace } from './memory-mounts.ts';

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const OLD_FILE = constants.O_WRONLY | constants.O_NOFOLLOW;
const ZEROS = Buffer.alloc(64 * 1024);

export class VolumeFiles {
  readonly #files: string;
  readonly #staging: string;
  readonly #memory: string;

  constructor(place: VolumePlace) {
    this.#memory = place.memory;
    this.#files = place.files;
    this.#staging = path.join(place.memory, 'staging');
  }

  names(): readonly string[] {
    return readdirSync(this.#files);
  }

  /**
   * Makes the file, or replaces it: whoever reads it sees the old one or the new one whole. The old one is not overwritten, since
   * somebody may be reading it still; its memory is freed with the last reader. Throws `volume.unavailable`, and the old one stays.
   */
  put(file: VolumeFile, value: SecretValue): void {
    this.#write(path.join(this.#files, file.file), value.expose(), file);
  }

  /** Replaces a file beside the volume's own, of which containers see nothing. Throws `volume.unavailable`. */
  putBeside(name: string, content: Buffer): void {
    this.#write(path.join(this.#memory, name), content, { uid: 0, gid: 0, mode: 0o400 });
  }

  /** Takes the file away and overwrites it, also for those who have it open. Nothing happens if there is none. */
  wipe(name: string): void {
    overwriteAndRemove(path.join(this.#files, name));
  }

  /** Overwrites all of it, what was being written too. */
  wipeAll(): void {
    this.names().forEach((name) => this.wipe(name));
    this.#clearStaging();
  }

  #write(target: string, content: Buffer, owner: Pick<VolumeFile, 'uid' | 'gid' | 'mode'>): void {
    const staged = path.join(this.#staging, path.basename(target));
    try {
      this.#clearStaging();
      mkdirSync(this.#staging, { recursive: true, mode: 0o700 });
      writeWhole(staged, content, owner);
      renameSync(staged, target);
    } catch (thrown) {
      overwriteAndRemove(staged);
      throw new CofferError(
        'volume.unavailable',
        `a file in ${this.#files} cannot be written: ${systemErrorCode(thrown) ?? 'an error'}`,
        { cause: thrown },
      );
    }
  }

  /** What a process that was killed has left. */
  #clearStaging(): void {
    let left: readonly string[] = [];
    try {
      left = readdirSync(this.#staging);
    } catch (thrown) {
      if (systemErrorCode(thrown) !== 'ENOENT') {
        throw thrown;
      }
    }
    left.forEach((name) => overwriteAndRemove(path.join(this.#staging, name)));
  }
}

function writeWhole(
  file: string,
  content: Buffer,
  { uid, gid, mode }: Pick<VolumeFile, 'uid' | 'gid' | 'mode'>,
): void {
  const descriptor = openSync(file, NEW_FILE, 0o600);
  try {
    for (let written = 0; written < content.length; ) {
      written += writeSync(descriptor, content, written);
    }
    fchownSync(descriptor, uid, gid);
    fchmodSync(descriptor, mode);
  } finally {
    closeSync(descriptor);
  }
}

/** Out of sight first, so that nobody opens a file that is half overwritten. */
function overwriteAndRemove(file: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(file, OLD_FILE);
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'ENOENT' || systemErrorCode(thrown) === 'ENOTDIR') {
      return;
    }
    throw thrown;
  }
  try {
    unlinkSync(file);
    const size_bytes = fstatSync(descriptor).size;
    for (let written = 0; written < size_bytes; ) {
      written += writeSync(descriptor, ZEROS, 0, Math.min(ZEROS.length, size_bytes - written), written);
    }
  } finally {
    closeSync(descriptor);
  }
}
