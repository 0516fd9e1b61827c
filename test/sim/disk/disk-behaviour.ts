// SPDX-License-Identifier: Apache-2.0
// How fast a simulated disk is, and how it fails while it runs.
import type { RandomStream } from '../kernel/random-stream.ts';
import type { Scheduler } from '../kernel/scheduler.ts';

/** What a system call on a bad day fails with. */
export type DiskFailure = 'ENOSPC' | 'EIO';

export interface DiskTiming {
  /** The usual time of a write that is synced; one that is not takes a tenth. */
  readonly sync_us: number;
  /** How much longer the slowest ones take. */
  readonly spread: number;
  /** The time that a byte takes, for large batches. */
  readonly byte_us: number;
}

/** However slow it is, a disk that does not hang comes to an end. */
const SLOWEST_US = 3_000_000;

/** Times and failures of one node's disk. Faults change it while it runs. */
export class DiskBehaviour {
  readonly #random: RandomStream;
  readonly #scheduler: Scheduler;
  readonly #timing: DiskTiming;
  #slowness = 1;
  #hungUntil_us = 0;
  #nextFailure: DiskFailure | undefined;
  #full = false;

  constructor(random: RandomStream, scheduler: Scheduler, timing: DiskTiming) {
    this.#random = random;
    this.#scheduler = scheduler;
    this.#timing = timing;
  }

  /** From now on everything takes so many times as long. */
  slowDown(factor: number): void {
    this.#slowness = factor;
  }

  /** Nothing comes to its end until then. */
  hang(duration_us: number): void {
    this.#hungUntil_us = this.#scheduler.now_us + duration_us;
  }

  /** The next write, or the next sync of a file, fails. */
  failNext(failure: DiskFailure): void {
    this.#nextFailure = failure;
  }

  /** Whether there is room for more; what is refused for lack of it never reaches the disk. */
  setFull(full: boolean): void {
    this.#full = full;
  }

  get full(): boolean {
    return this.#full;
  }

  /** The disk is as good as new. */
  heal(): void {
    this.#full = false;
    this.#slowness = 1;
    this.#hungUntil_us = 0;
    this.#nextFailure = undefined;
  }

  get hungFor_us(): number {
    return Math.max(0, this.#hungUntil_us - this.#scheduler.now_us);
  }

  /** The time of one write. */
  duration_us(size_bytes: number, sync: boolean): number {
    const { sync_us, spread, byte_us } = this.#timing;
    const base_us = sync ? sync_us : sync_us / 10;
    const duration_us = this.#slowness * (base_us * this.#random.magnitude(1, spread) + size_bytes * byte_us);
    return Math.min(duration_us, SLOWEST_US);
  }

  /** The failure that was asked for, once. */
  takeFailure(): DiskFailure | undefined {
    const failure = this.#nextFailure;
    this.#nextFailure = undefined;
    return failure;
  }
}
