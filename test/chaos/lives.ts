// SPDX-License-Identifier: Apache-2.0
// Services that come and go with a secret each, some at a time, whatever faults come meanwhile.
import type { SeededRandom } from '../support/seeded-random.ts';
import type { Canaries, Canary } from './canaries.ts';
import type { ChaosCluster, Site } from './chaos-cluster.ts';
import { describe, type Report } from './report.ts';
import { valuesInTasks } from './swarm-calls.ts';
import { GaveUp, rest, tryUntil } from './tries.ts';

/** For one thing that is done; then that service is left as it is. */
const TRY_MS_MAX = 60_000;
const REST_MS = 1_000;

export interface LivesOptions {
  readonly cluster: ChaosCluster;
  readonly canaries: Canaries;
  readonly report: Report;
  readonly random: SeededRandom;
}

/** All that one service goes through, under a name that no other has. Rejects with a `GaveUp` where faults kept it from going on. */
export type Life = (world: LifeWorld, name: string) => Promise<void>;

/** What a life is told with. */
export class LifeWorld {
  readonly canaries: Canaries;
  readonly #options: LivesOptions;
  readonly #signal: AbortSignal;

  constructor(options: LivesOptions, signal: AbortSignal) {
    this.canaries = options.canaries;
    this.#options = options;
    this.#signal = signal;
  }

  /** One engine or another. */
  anySite(): Site {
    return this.#options.random.pick(this.#options.cluster.sites);
  }

  /** Whether something that may be or not be is. */
  perhaps(): boolean {
    return this.#options.random.below(2) === 0;
  }

  /** Does something at one engine or another, until it is done. */
  async insist(what: string, work: (site: Site) => Promise<true>): Promise<void> {
    await tryUntil(what, TRY_MS_MAX, this.#signal, async () => work(this.anySite()));
  }

  /** Waits until a task of `service` has this value of the secret in `file`; each that is looked into must have one of its values. */
  async sees(service: string, file: string, value: string): Promise<void> {
    const { cluster, canaries, report } = this.#options;
    await tryUntil(`to see the value of ${service}`, TRY_MS_MAX, this.#signal, async () => {
      const found = await Promise.allSettled(cluster.sites.map((site) => valuesInTasks(site, service, file)));
      const read = found.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
      if (read.length > 0) {
        report.check(`the values in the tasks of ${service}`, wrongIn(read, canaries.get(service)));
      }
      return read.includes(value) ? true : undefined;
    });
  }
}

export class Lives {
  readonly #options: LivesOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;
  #number = 0;

  private constructor(options: LivesOptions, lives: readonly Life[]) {
    this.#options = options;
    this.#running = Promise.all(lives.map((life) => this.#run(life)));
    // It is awaited in `stop`.
    this.#running.catch(() => undefined);
  }

  /** Has each of `lives` lived again and again, side by side, until `stop`. */
  static start(options: LivesOptions, lives: readonly Life[]): Lives {
    return new Lives(options, lives);
  }

  /** Resolves when none goes on; what is left of services is for somebody else to remove. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(life: Life): Promise<void> {
    const { report } = this.#options;
    const { signal } = this.#stop;
    const world = new LifeWorld(this.#options, signal);
    while (!signal.aborted) {
      this.#number += 1;
      try {
        await life(world, `life-${this.#number}`);
        report.count('services');
      } catch (error) {
        if (!(error instanceof GaveUp)) {
          report.check('a service', [describe(error)]);
        } else if (!signal.aborted) {
          report.count('services given up');
          report.note(describe(error));
        }
      }
      await rest(REST_MS, signal);
    }
  }
}

function wrongIn(read: readonly string[], { name, values }: Canary): readonly string[] {
  return read.filter((value) => !values.includes(value)).map(() => `a task has what is no value of ${name}`);
}
