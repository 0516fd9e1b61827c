// SPDX-License-Identifier: Apache-2.0
// The volumes of this node: their names and options, which are no secrets, in one file of the state directory.
import { readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { CofferError, type Logger, systemErrorCode } from '../../common/index.ts';
import { writeFileAtomically } from '../../storage/index.ts';
import { Turns } from './turns.ts';
import { isVolumeName } from './volume-name.ts';

const FILE_NAME = 'volumes.json';
/** All of them are named to the engine in one call. */
const VOLUMES_MAX = 4_096;

export interface RegisteredVolume {
  readonly name: string;
  readonly options: Readonly<Record<string, string>>;
  /** RFC 3339. */
  readonly createdAt: string;
}

const shape = v.strictObject({
  format: v.literal(1),
  volumes: v.array(
    v.strictObject({
      name: v.pipe(v.string(), v.check(isVolumeName)),
      options: v.record(v.string(), v.string()),
      createdAt: v.string(),
    }),
  ),
});

export class VolumeRegistry {
  readonly #file: string;
  readonly #turns = new Turns();
  #volumes: ReadonlyMap<string, RegisteredVolume>;

  private constructor(file: string, volumes: readonly RegisteredVolume[]) {
    this.#file = file;
    this.#volumes = byName(volumes);
  }

  /**
   * Reads what is in the directory. A file that cannot be understood is set aside as `volumes.json.damaged`, with a word in the
   * log, and there are no volumes then: the engine creates them anew.
   */
  static async open(directory: string, logger: Logger): Promise<VolumeRegistry> {
    const file = path.join(directory, FILE_NAME);
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (thrown) {
      if (systemErrorCode(thrown) === 'ENOENT') {
        return new VolumeRegistry(file, []);
      }
      throw new CofferError('volume.unavailable', `${file} cannot be read`, { cause: thrown });
    }
    const volumes = parse(text);
    if (volumes === undefined) {
      const aside = `${file}.damaged`;
      await rename(file, aside);
      logger.error('the list of volumes is damaged: it was set aside, and there are no volumes any more', {
        file: aside,
      });
    }
    return new VolumeRegistry(file, volumes ?? []);
  }

  get(name: string): RegisteredVolume | undefined {
    return this.#volumes.get(name);
  }

  list(): readonly RegisteredVolume[] {
    return [...this.#volumes.values()];
  }

  /** Replaces one of that name. Resolves when it is on the disk; rejects with `volume.unavailable`. */
  async put(volume: RegisteredVolume): Promise<void> {
    if (this.#volumes.size >= VOLUMES_MAX && !this.#volumes.has(volume.name)) {
      throw new CofferError('volume.unavailable', `there are ${VOLUMES_MAX} volumes on this node already`, {
        hint: 'Remove volumes that no container mounts: docker volume ls, docker volume rm.',
      });
    }
    await this.#change((volumes) => volumes.set(volume.name, volume));
  }

  /** Nothing happens if there is none. Rejects with `volume.unavailable`. */
  async remove(name: string): Promise<void> {
    if (this.#volumes.has(name)) {
      await this.#change((volumes) => void volumes.delete(name));
    }
  }

  #change(change: (volumes: Map<string, RegisteredVolume>) => void): Promise<void> {
    return this.#turns.run(this.#file, async () => {
      const next = new Map(this.#volumes);
      change(next);
      const content = JSON.stringify({ format: 1, volumes: [...next.values()] });
      try {
        await writeFileAtomically(this.#file, Buffer.from(content));
      } catch (thrown) {
        throw new CofferError('volume.unavailable', `${this.#file} cannot be written`, { cause: thrown });
      }
      this.#volumes = next;
    });
  }
}

function parse(text: string): readonly RegisteredVolume[] | undefined {
  try {
    return v.parse(shape, JSON.parse(text)).volumes;
  } catch {
    return undefined;
  }
}

function byName(volumes: readonly RegisteredVolume[]): ReadonlyMap<string, RegisteredVolume> {
  return new Map(volumes.map((volume) => [volume.name, volume]));
}
