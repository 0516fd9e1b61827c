// SPDX-License-Identifier: Apache-2.0
import { type Logger, silentLogger } from '../common/index.ts';
import { type Clock, systemClock, type Timer } from '../transport/index.ts';
import type { EngineContainer } from './container-model.ts';
import type { ContainerNews, ContainerSource } from './container-source.ts';
import type { EngineClient } from './engine-client.ts';
import { type BackOff, EVENTS_BACK_OFF, followEvents } from './follow-events.ts';

export interface ContainerWatchOptions {
  readonly client: EngineClient;
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly backOff?: BackOff;
}

/** Those that change what a container is, or whether it runs: not the health checks, several a second on a busy node. */
const ACTIONS = ['create', 'start', 'die', 'destroy', 'rename', 'pause', 'unpause', 'update'] as const;
/** What a start or an end is made of comes within some milliseconds, and is told of once. */
const GATHER_MS = 20;

/** Tells of the containers of this node's engine, between `start` and `stop`. */
export class ContainerWatch implements ContainerSource {
  readonly #client: EngineClient;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #backOff: BackOff;
  readonly #listeners = new Set<(news: ContainerNews) => void>();
  #stop: AbortController | undefined;
  #gathering: Timer | undefined;

  constructor(options: ContainerWatchOptions) {
    this.#client = options.client;
    this.#logger = options.logger ?? silentLogger;
    this.#clock = options.clock ?? systemClock;
    this.#backOff = options.backOff ?? EVENTS_BACK_OFF;
  }

  list(volumes: readonly string[]): Promise<readonly EngineContainer[]> {
    return this.#client.listContainers(volumes);
  }

  async signal(containerId: string, signal: string): Promise<void> {
    await this.#client.killContainer(containerId, signal);
  }

  watch(listener: (news: ContainerNews) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** A second call changes nothing. */
  start(): void {
    if (this.#stop !== undefined) {
      return;
    }
    const stop = new AbortController();
    this.#stop = stop;
    let hasOpened = false;
    const options = {
      client: this.#client,
      subjects: ['container'],
      actions: ACTIONS,
      logger: this.#logger,
      backOff: this.#backOff,
      onOpen: () => {
        // Whoever looked while there was no stream yet may have missed something as well.
        if (hasOpened) {
          this.#tell('restart');
        } else {
          this.#changed();
        }
        hasOpened = true;
      },
      onEvent: () => this.#changed(),
    } as const;
    void followEvents(options, stop.signal);
  }

  /** Nobody is called back any more. */
  stop(): void {
    this.#stop?.abort();
    this.#stop = undefined;
    this.#gathering?.cancel();
    this.#gathering = undefined;
  }

  #changed(): void {
    this.#gathering ??= this.#clock.setTimer(GATHER_MS, () => this.#tell('change'));
  }

  /** A restart says all that a change says. */
  #tell(news: ContainerNews): void {
    this.#gathering?.cancel();
    this.#gathering = undefined;
    this.#listeners.forEach((listener) => listener(news));
  }
}
