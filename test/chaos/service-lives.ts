// SPDX-License-Identifier: Apache-2.0
// Services that come and go with a secret each: created, read in the tasks, rotated, read again, removed.
import type { SeededRandom } from '../support/seeded-random.ts';
import type { Canaries, Canary } from './canaries.ts';
import type { ChaosCluster, Site } from './chaos-cluster.ts';
import { describe, type Report } from './report.ts';
import { createSecret, createService, removeSecret, removeService, valuesInTasks } from './swarm-calls.ts';
import { GaveUp, rest, tryUntil } from './tries.ts';

/** How many there are at a time. */
const LIVES = 2;
const REPLICAS = 2;
/** For one thing that is done, whatever faults come meanwhile; then that service is left as it is. */
const TRY_MS_MAX = 60_000;
const REST_MS = 1_000;

export interface LivesOptions {
  readonly cluster: ChaosCluster;
  readonly canaries: Canaries;
  readonly report: Report;
  readonly random: SeededRandom;
}

export class ServiceLives {
  readonly #options: LivesOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;
  #number = 0;

  private constructor(options: LivesOptions) {
    this.#options = options;
    this.#running = Promise.all(Array.from({ length: LIVES }, () => this.#run()));
    // It is awaited in `stop`.
    this.#running.catch(() => undefined);
  }

  /** Starts them; they go on until `stop`. */
  static start(options: LivesOptions): ServiceLives {
    return new ServiceLives(options);
  }

  /** Resolves when none goes on; what is left of services is for somebody else to remove. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { report } = this.#options;
    while (!this.#stop.signal.aborted) {
      this.#number += 1;
      try {
        await this.#live(`life-${this.#number}`);
        report.count('services');
      } catch (error) {
        if (!(error instanceof GaveUp)) {
          report.check('a service', [describe(error)]);
        } else if (!this.#stop.signal.aborted) {
          report.count('services given up');
        }
      }
      await rest(REST_MS, this.#stop.signal);
    }
  }

  async #live(name: string): Promise<void> {
    const { cluster, canaries, random } = this.#options;
    const alone = random.below(2) === 0 ? random.pick(cluster.sites) : undefined;
    const { values } = canaries.make(name, alone?.name);
    const where =
      alone === undefined
        ? ['--replicas', String(REPLICAS)]
        : ['--constraint', `node.hostname==${alone.name}`];
    const [first = ''] = values;
    await this.#try(`to create the secret ${name}`, async (site) => createSecret(site, name, first));
    await this.#try(`to create the service ${name}`, async (site) =>
      createService(site, name, ['--secret', name, ...where]),
    );
    await this.#sees(name, first);
    const second = canaries.newValue(name);
    await this.#try(`to rotate ${name}`, async ({ member }) => {
      const { code, stderr } = await member.tryCli(['rotate', name, '-'], second);
      if (code !== 0) {
        throw new Error(stderr.trim());
      }
      return true;
    });
    await this.#sees(name, second);
    await this.#try(`to remove the service ${name}`, async (site) => removeService(site, name));
    await this.#try(`to remove the secret ${name}`, async (site) => removeSecret(site, name));
    canaries.removed(name);
  }

  /** Waits until a task has this value; each task that is looked into must have one of the secret's. */
  async #sees(name: string, value: string): Promise<void> {
    const { cluster, canaries, report } = this.#options;
    await tryUntil(`to see the value of ${name}`, TRY_MS_MAX, this.#stop.signal, async () => {
      const found = await Promise.allSettled(cluster.sites.map((site) => valuesInTasks(site, name, name)));
      const read = found.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
      if (read.length > 0) {
        report.check(`the values in the tasks of ${name}`, wrongIn(read, canaries.get(name)));
      }
      return read.includes(value) ? true : undefined;
    });
  }

  async #try(what: string, work: (site: Site) => Promise<true>): Promise<void> {
    const { cluster, random } = this.#options;
    await tryUntil(what, TRY_MS_MAX, this.#stop.signal, async () => work(random.pick(cluster.sites)));
  }
}

function wrongIn(read: readonly string[], { name, values }: Canary): readonly string[] {
  return read.filter((value) => !values.includes(value)).map(() => `a task has what is no value of ${name}`);
}
