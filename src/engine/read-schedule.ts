// SPDX-License-Identifier: Apache-2.0
// When the swarm is read: pure, so that a test reads it like a timetable.

/**
 * After an event, besides at once. Tasks have no events of their own, and follow what a service or node was told within a
 * second or two: each reading on the way finds more of them.
 */
const AFTER_EVENT_MS = [200, 500, 1_000, 2_000] as const;
/** Without any reason. */
const PERIOD_MS = 5_000;
/** A pause is this many times as long as the reading before it, so that reading takes a tenth of the time at most. */
const PAUSE_FACTOR = 9;
/**
 * And no longer than this: what an engine takes a second for says more of its state than of the swarm's size, and a container's start
 * waits for 20 s at most.
 */
const PAUSE_MS_MAX = 5_000;

/** All times are of one monotonic clock, in milliseconds. */
export class ReadSchedule {
  #wanted = true;
  #event_ms: number | undefined;
  #begun_ms: number;
  #free_ms: number;

  /** The first reading is due at once. */
  constructor(now_ms: number) {
    this.#begun_ms = now_ms;
    this.#free_ms = now_ms;
  }

  /** Something has happened in the swarm. */
  event(now_ms: number): void {
    this.#event_ms = now_ms;
    this.#wanted = true;
  }

  /** Somebody waits for what may have happened. */
  refresh(): void {
    this.#wanted = true;
  }

  /** A reading begins: what is asked for from now on is for the next one. */
  begin(now_ms: number): void {
    this.#begun_ms = now_ms;
    this.#wanted = false;
  }

  end(now_ms: number): void {
    this.#free_ms = now_ms + Math.min(PAUSE_MS_MAX, PAUSE_FACTOR * (now_ms - this.#begun_ms));
  }

  /** When the next reading is due; now, if that has passed. */
  get due_ms(): number {
    return Math.max(this.#free_ms, this.#wanted ? this.#begun_ms : this.#next_ms);
  }

  get #next_ms(): number {
    const event_ms = this.#event_ms;
    const after =
      event_ms === undefined
        ? undefined
        : AFTER_EVENT_MS.map((offset_ms) => event_ms + offset_ms).find((due_ms) => due_ms > this.#begun_ms);
    return Math.min(after ?? Number.POSITIVE_INFINITY, this.#begun_ms + PERIOD_MS);
  }
}
