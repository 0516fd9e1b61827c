// SPDX-License-Identifier: Apache-2.0
// The volumes of this node that are mounted, and their files, held against what the leader has given and what the engine tells.
import { CofferError, type Logger } from '../../common/index.ts';
import type { EngineContainer } from '../../engine/index.ts';
import type { Clock, Timer } from '../../transport/index.ts';
import type { VolumeSpec } from '../volume-model.ts';
import { parseVolume } from '../volume-spec.ts';
import type { ContainerView } from './container-view.ts';
import { dueFiles, isAlive, mayStart } from './entitlement.ts';
import type { HeldVersion, Holdings } from './holdings.ts';
import type { VolumePlace, VolumePlaces } from './memory-mounts.ts';
import { decideMount, type MountDecision } from './mount-decision.ts';
import type { VolumeMount } from './mount-record.ts';
import { MountStarts, START_MAX_MS } from './mount-starts.ts';
import { MountedVolume, recordOf } from './mounted-volume.ts';
import { Turns } from './turns.ts';
import type { VolumeRegistry } from './volume-registry.ts';

/** The largest value with a page to spare, so that the sizes of files are no question. */
const FILE_BYTES = 512 * 1024;
/** A new version is written before the old one goes, and readers may keep older ones open. Memory that is not used costs nothing. */
const VERSIONS = 4;
const SLACK_BYTES = 1024 * 1024;

export interface VolumesOptions {
  readonly registry: VolumeRegistry;
  readonly places: VolumePlaces;
  readonly holdings: Holdings;
  readonly view: ContainerView;
  /** This node's name, for commands. */
  readonly nodeName: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class Volumes {
  readonly #options: VolumesOptions;
  readonly #turns = new Turns();
  readonly #mounted = new Map<string, MountedVolume>();
  readonly #starts: MountStarts;
  /** Containers of tasks that are over, by id. */
  readonly #leftBehind = new Set<string>();
  #nextReview: Timer | undefined;

  constructor(options: VolumesOptions) {
    this.#options = options;
    this.#starts = new MountStarts(options.clock);
  }

  /** Takes up what a process before this one has left mounted. What nobody can make out is wiped and undone. */
  async adopt(): Promise<void> {
    const { places, registry, logger } = this.#options;
    for (const [name, place] of await places.found()) {
      const record = recordOf(place);
      if (record === undefined || record.mounts.length === 0) {
        await places.undo(name);
        continue;
      }
      try {
        const volume = MountedVolume.adopt(name, place, record, (options) => parseVolume(name, options));
        if (registry.get(name) === undefined) {
          await registry.put({ name, options: record.options, createdAt: record.createdAt });
        }
        this.#mounted.set(name, volume);
      } catch (thrown) {
        logger.error('a mounted volume cannot be taken up, and is undone', {
          volume: name,
          problem: CofferError.from(thrown).message,
        });
        await places.undo(name);
      }
    }
  }

  /** Work on one volume after the other. */
  inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.run(name, work);
  }

  settled(): Promise<void> {
    return this.#turns.settled();
  }

  get mountedCount(): number {
    return this.#mounted.size;
  }

  isMounted(name: string): boolean {
    return this.#mounted.has(name);
  }

  mountpoint(name: string): string | undefined {
    return this.#mounted.get(name)?.place.view;
  }

  /** The containers with which volumes may be starting. */
  get starting(): ReadonlySet<string> {
    return new Set([...this.#mounted.values()].flatMap((volume) => [...volume.starting]));
  }

  decide(name: string, spec: VolumeSpec): MountDecision {
    const { view, holdings, nodeName } = this.#options;
    return decideMount({
      volume: name,
      spec,
      containers: view.of(name),
      leftBehind: this.#leftBehind,
      holdings,
      nodeName,
    });
  }

  /** These containers, if they are not seen to run, are not going to be started any more. */
  leaveBehind(containerIds: readonly string[]): void {
    containerIds.forEach((id) => this.#leftBehind.add(id));
  }

  /**
   * In turn: mounts the volume with all of its files, and resolves with the mountpoint; with undefined if it is not decided that it
   * may be mounted, any more. Rejects with `volume.unavailable`.
   */
  async mount(name: string, mountId: string, isWanted: () => boolean): Promise<string | undefined> {
    const { places, registry } = this.#options;
    const registered = registry.get(name);
    if (registered === undefined) {
      return undefined;
    }
    const spec = parseVolume(name, registered.options);
    const place = await places.make(name, (spec.files.length * VERSIONS + 1) * FILE_BYTES + SLACK_BYTES);
    // From here on nothing comes between the decision and the files.
    const volume = this.#knownAt(place, name) ?? MountedVolume.create(registered, spec, place);
    this.#mounted.set(name, volume);
    try {
      const decision = this.decide(name, spec);
      if (decision.kind === 'mount' && isWanted()) {
        this.#add(volume, { id: mountId, starting: decision.starting });
        volume.bring(this.#due(volume));
        return place.view;
      }
    } catch (thrown) {
      await this.unmount(name, mountId);
      throw CofferError.from(thrown, 'volume.unavailable');
    }
    await this.unmount(name, mountId);
    return undefined;
  }

  /**
   * What is known of a volume, if its memory is still the same: an engine that replaces a plugin may unmount, under the new one,
   * what the old one has left, and then nothing of it is there any more.
   */
  #knownAt(place: VolumePlace, name: string): MountedVolume | undefined {
    const known = this.#mounted.get(name);
    return known !== undefined && recordOf(place) === undefined ? undefined : known;
  }

  /** In turn. The last mount takes all with it. Nothing happens for one that is not known. */
  async unmount(name: string, mountId: string): Promise<void> {
    const volume = this.#mounted.get(name);
    if (volume === undefined) {
      return;
    }
    const left = volume.mounts.filter(({ id }) => id !== mountId);
    this.#starts.gone(name, mountId);
    if (left.length === 0) {
      await this.#finish(volume);
    } else if (left.length < volume.mounts.length) {
      this.#record(volume, left);
    }
  }

  /** Makes the files of all mounted volumes those that are due, at once. Returns the containers for which a file was replaced. */
  judge(): readonly EngineContainer[] {
    const { holdings, view } = this.#options;
    if (!holdings.isKnown || !view.isKnown) {
      // A restart of this process is no reason to take anything away.
      return [];
    }
    return [...this.#mounted.values()].flatMap((volume) =>
      this.#bring(volume) ? this.#counted(volume) : [],
    );
  }

  /** Overwrites the files of all volumes, whatever is due. */
  wipeAll(): void {
    this.#mounted.forEach((volume) => volume.wipe());
  }

  /** After each listing: sees who has started, and drops the volumes that nobody uses any more, without having said so. */
  review(): void {
    const there = new Set(this.#options.view.containers.map(({ id }) => id));
    [...this.#leftBehind].filter((id) => !there.has(id)).forEach((id) => this.#leftBehind.delete(id));
    for (const volume of this.#mounted.values()) {
      this.#settle(volume);
      if (volume.mounts.length > 0 && this.#counted(volume).length === 0) {
        void this.inTurn(volume.name, () => this.#sweep(volume.name));
      }
    }
    // A start that was given up without a word is no event of the engine's.
    if (this.#nextReview === undefined && this.starting.size > 0) {
      this.#nextReview = this.#options.clock.setTimer(START_MAX_MS + 1, () => {
        this.#nextReview = undefined;
        this.#options.view.look();
      });
    }
  }

  /** Overwrites and unmounts the volumes that no container uses. The others keep their files, for those who use them. */
  async stop(): Promise<void> {
    this.#nextReview?.cancel();
    await this.settled();
    if (this.#options.view.isKnown) {
      for (const name of this.#mounted.keys()) {
        await this.inTurn(name, () => this.#sweep(name));
      }
    }
  }

  #counted(volume: MountedVolume): readonly EngineContainer[] {
    const { starting } = volume;
    return this.#options.view
      .of(volume.name)
      .filter((container) => isAlive(container) || (starting.has(container.id) && mayStart(container)));
  }

  #due(volume: MountedVolume): ReadonlyMap<string, HeldVersion> {
    return dueFiles(volume.spec, this.#counted(volume), this.#options.holdings);
  }

  /** Whether a file was made or replaced. */
  #bring(volume: MountedVolume): boolean {
    const { logger } = this.#options;
    try {
      const { written, wiped } = volume.bring(this.#due(volume));
      if (written + wiped > 0) {
        logger.info('files of a volume are others now', { volume: volume.name, written, wiped });
      }
      return written > 0;
    } catch (thrown) {
      logger.error('files of a volume cannot be replaced', {
        volume: volume.name,
        problem: CofferError.from(thrown).message,
      });
      return true;
    }
  }

  #add(volume: MountedVolume, mount: VolumeMount): void {
    this.#starts.made(volume.name, mount.id);
    volume.setMounts([...volume.mounts.filter(({ id }) => id !== mount.id), mount]);
  }

  #settle(volume: MountedVolume): void {
    const settled = this.#starts.settle(volume.name, volume.mounts, this.#options.view.of(volume.name));
    if (settled.some(({ starting }, place) => starting.length !== volume.mounts[place]?.starting.length)) {
      this.#record(volume, settled);
    }
  }

  async #sweep(name: string): Promise<void> {
    const volume = this.#mounted.get(name);
    if (volume === undefined || this.#counted(volume).length > 0) {
      return;
    }
    this.#options.logger.info('a volume that no container uses is unmounted', { volume: name });
    await this.#finish(volume);
  }

  #record(volume: MountedVolume, mounts: readonly VolumeMount[]): void {
    try {
      volume.setMounts(mounts);
    } catch (thrown) {
      this.#options.logger.error('the mounts of a volume cannot be written down', {
        volume: volume.name,
        problem: CofferError.from(thrown).message,
      });
    }
  }

  async #finish(volume: MountedVolume): Promise<void> {
    volume.wipe();
    this.#mounted.delete(volume.name);
    volume.mounts.forEach(({ id }) => this.#starts.gone(volume.name, id));
    try {
      await this.#options.places.undo(volume.name);
    } catch (thrown) {
      // It is empty, and the next mount tries again.
      this.#options.logger.error('a volume cannot be unmounted', {
        volume: volume.name,
        problem: CofferError.from(thrown).message,
      });
    }
  }
}
