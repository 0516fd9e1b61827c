// SPDX-License-Identifier: Apache-2.0
import { CofferError, type Logger } from '../../common/index.ts';
import type { ContainerSource, EngineContainer } from '../../engine/index.ts';
import type { Clock, Timer } from '../../transport/index.ts';
import { isAlive } from './entitlement.ts';

const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 2_000;

export interface ContainerViewOptions {
  readonly source: ContainerSource;
  /** The names of all volumes. */
  readonly volumes: () => readonly string[];
  /** What was told before this process began: to go by until the engine answers. */
  readonly remembered: readonly EngineContainer[];
  /** After each listing. */
  readonly onListed: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The containers that mount volumes of coffer's, as the engine told last. One listing at a time, so that none is overtaken by an older one. */
export class ContainerView {
  readonly #options: ContainerViewOptions;
  #containers: readonly EngineContainer[];
  #listings = 0;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #failures = 0;
  #problem: CofferError | undefined;
  #retry: Timer | undefined;
  #endWatch: () => void = () => undefined;
  #isStopped = false;

  constructor(options: ContainerViewOptions) {
    this.#options = options;
    this.#containers = options.remembered;
  }

  /** Begins to follow the engine; `onListed` tells when it has answered. */
  start(): void {
    // A restart of the engine needs no more than a change does: containers that it has not started again are not alive.
    this.#endWatch = this.#options.source.watch(() => this.look());
    this.look();
  }

  stop(): void {
    this.#isStopped = true;
    this.#endWatch();
    this.#retry?.cancel();
  }

  /** Whether the engine has told of its containers once. */
  get isKnown(): boolean {
    return this.#listings > 0;
  }

  /** Why the last listing has failed. */
  get problem(): CofferError | undefined {
    return this.#problem;
  }

  /** How many times it has. */
  get listings(): number {
    return this.#listings;
  }

  /** Whether there is something to go by while the engine does not answer. */
  get isRemembered(): boolean {
    return !this.isKnown && this.#containers.length > 0;
  }

  get containers(): readonly EngineContainer[] {
    return this.#containers;
  }

  of(volume: string): readonly EngineContainer[] {
    return this.#containers.filter(({ volumes }) => volumes.includes(volume));
  }

  /**
   * The engine does not answer, as one that starts: what ran may still run, or may be started again just now. The next listing tells.
   */
  presumeRestart(): void {
    this.#containers = this.#containers.map((container) =>
      isAlive(container) ? { ...container, state: 'restarting' } : container,
    );
  }

  /** Resolves when a listing that began after this call is done; rejects as `ContainerSource.list`. */
  refresh(): Promise<void> {
    if (this.#running === undefined) {
      return this.#list();
    }
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.#running ?? this.#list();
      });
    return this.#next;
  }

  /** Lists anew, again and again until the engine has answered. */
  look(): void {
    if (this.#isStopped) {
      return;
    }
    this.refresh().catch((thrown: unknown) => {
      if (this.#isStopped || this.#retry !== undefined) {
        return;
      }
      this.#failures += 1;
      if (this.#failures === 1) {
        this.#options.logger.warn('the engine does not tell of its containers', {
          problem: CofferError.from(thrown).message,
        });
      }
      const pause_ms = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(this.#failures, 10));
      this.#retry = this.#options.clock.setTimer(pause_ms, () => {
        this.#retry = undefined;
        this.look();
      });
    });
  }

  #list(): Promise<void> {
    const listing = this.#listOnce().finally(() => {
      this.#running = undefined;
    });
    this.#running = listing;
    return listing;
  }

  async #listOnce(): Promise<void> {
    const volumes = this.#options.volumes();
    try {
      // An empty filter would mean all of them.
      const listed = volumes.length === 0 ? [] : await this.#options.source.list(volumes);
      const names = new Set(volumes);
      this.#containers = listed.filter((container) => container.volumes.some((name) => names.has(name)));
    } catch (thrown) {
      this.#problem = CofferError.from(thrown);
      throw this.#problem;
    }
    this.#listings += 1;
    this.#problem = undefined;
    this.#failures = 0;
    if (!this.#isStopped) {
      this.#options.onListed();
    }
  }
}
