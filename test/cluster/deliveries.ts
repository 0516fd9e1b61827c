// SPDX-License-Identifier: Apache-2.0
// Tasks that ask each manager for one secret, one after another, as swarm leaders do, whatever happens to the cluster.
import { setTimeout as delay } from 'node:timers/promises';
import type { ManagerProcess } from '../support/manager-process.ts';

export interface DeliveriesOptions {
  readonly managers: readonly ManagerProcess[];
  readonly name: string;
  /** The only value that it ever had. */
  readonly value: string;
}

export interface DeliveriesReport {
  /** One sentence for each call that was not answered as it should. */
  readonly failures: readonly string[];
  readonly count: number;
  readonly times_ms: readonly number[];
}

const BETWEEN_MS = 50;

export class Deliveries {
  readonly #options: DeliveriesOptions;
  /** Managers that are being killed, and how often they were: what is asked of them then may fail. */
  readonly #leftOut = new Set<ManagerProcess>();
  readonly #epochs = new Map<ManagerProcess, number>();
  readonly #failures: string[] = [];
  readonly #times_ms: number[] = [];
  readonly #running: Promise<unknown>;
  #stopped = false;

  private constructor(options: DeliveriesOptions) {
    this.#options = options;
    this.#running = Promise.all(options.managers.map((manager) => this.#run(manager)));
    // It is awaited in `stop`.
    this.#running.catch(() => undefined);
  }

  static start(options: DeliveriesOptions): Deliveries {
    return new Deliveries(options);
  }

  /** How many were answered, rightly or not. */
  get count(): number {
    return this.#times_ms.length;
  }

  /** What this manager answers from now on does not count, nor what it is being asked now. */
  leaveOut(manager: ManagerProcess): void {
    this.#leftOut.add(manager);
    this.#epochs.set(manager, this.#epoch(manager) + 1);
  }

  takeIn(manager: ManagerProcess): void {
    this.#leftOut.delete(manager);
  }

  async stop(): Promise<DeliveriesReport> {
    this.#stopped = true;
    await this.#running;
    return { failures: this.#failures, count: this.#times_ms.length, times_ms: this.#times_ms };
  }

  async #run(manager: ManagerProcess): Promise<void> {
    while (!this.#stopped) {
      if (!this.#leftOut.has(manager)) {
        await this.#ask(manager);
      }
      await delay(BETWEEN_MS);
    }
  }

  async #ask(manager: ManagerProcess): Promise<void> {
    const { name, value } = this.#options;
    const epoch = this.#epoch(manager);
    const start_ms = performance.now();
    let answer: string;
    try {
      answer = (await manager.deliver(name)).toString();
    } catch (error) {
      answer = String(error);
    }
    const took_ms = performance.now() - start_ms;
    if (this.#epoch(manager) !== epoch) {
      return;
    }
    this.#times_ms.push(took_ms);
    if (answer !== value) {
      this.#failures.push(`${manager.name} answered after ${Math.round(took_ms)} ms: ${answer}`);
    }
  }

  #epoch(manager: ManagerProcess): number {
    return this.#epochs.get(manager) ?? 0;
  }
}
