// SPDX-License-Identifier: Apache-2.0
// The simulation's time: events in the order of when they happen, and among equals of when they were asked for.
import { invariant } from '../../../src/common/index.ts';

export interface ScheduledEvent {
  cancel(): void;
}

interface Event {
  readonly at_us: number;
  readonly sequence: number;
  run: (() => void) | undefined;
}

/** Virtual time in whole microseconds, and the heap of what will happen. */
export class Scheduler {
  readonly #heap: Event[] = [];
  #now_us = 0;
  #sequence = 0;
  #events = 0;

  get now_us(): number {
    return this.#now_us;
  }

  get now_ms(): number {
    return this.#now_us / 1_000;
  }

  /** How many events have happened. */
  get events(): number {
    return this.#events;
  }

  /** Runs `run` after `delay_us`, and after all that was scheduled before for the same microsecond. */
  after(delay_us: number, run: () => void): ScheduledEvent {
    const at_us = this.#now_us + Math.max(0, Math.ceil(delay_us));
    invariant(Number.isSafeInteger(at_us), `${delay_us} is no delay`);
    const event: Event = { at_us, sequence: this.#sequence, run };
    this.#sequence += 1;
    this.#push(event);
    return {
      cancel: () => {
        event.run = undefined;
      },
    };
  }

  /** Resolves after `delay_us`. */
  sleep(delay_us: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(delay_us, resolve);
    });
  }

  /**
   * Lets events happen, one at a time, until `until_us` or until `stop` says so. After each, all promise jobs that
   * it set off run to their end before `afterEvent` is called; so nothing depends on what the machine does meanwhile.
   */
  async run(until_us: number, afterEvent: () => void, stop: () => boolean): Promise<void> {
    while (!stop()) {
      const event = this.#heap[0];
      if (event === undefined || event.at_us > until_us) {
        this.#now_us = Math.max(this.#now_us, until_us);
        return;
      }
      this.#pop();
      const { run } = event;
      if (run === undefined) {
        continue;
      }
      this.#now_us = event.at_us;
      this.#events += 1;
      run();
      await promiseJobs();
      afterEvent();
    }
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let child = heap.length;
    heap.push(event);
    while (child > 0) {
      const parent = (child - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, event)) {
        break;
      }
      heap[child] = above;
      child = parent;
    }
    heap[child] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) {
      return;
    }
    let parent = 0;
    for (;;) {
      const left = 2 * parent + 1;
      const [a, b] = [heap[left], heap[left + 1]];
      if (a === undefined) {
        break;
      }
      const child = b !== undefined && isBefore(b, a) ? b : a;
      if (isBefore(last, child)) {
        break;
      }
      heap[parent] = child;
      parent = child === a ? left : left + 1;
    }
    heap[parent] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at_us === b.at_us ? a.sequence < b.sequence : a.at_us < b.at_us;
}

/** The machine's own setImmediate, taken before the simulation forbids it to everyone else. */
const { setImmediate: afterPromiseJobs } = globalThis;

/** Resolves when no promise job is left: Node runs them all before it turns to the next immediate. */
export function promiseJobs(): Promise<void> {
  return new Promise((resolve) => {
    afterPromiseJobs(resolve);
  });
}
