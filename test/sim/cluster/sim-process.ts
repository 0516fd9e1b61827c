// SPDX-License-Identifier: Apache-2.0
// One process of one node: it runs what happens to it, in order, until it dies; it can be stopped for a while.
import type { Clock, Timer } from '../../../src/store/index.ts';
import type { Host } from '../disk/sim-database.ts';
import type { RandomStream } from '../kernel/random-stream.ts';
import type { ScheduledEvent, Scheduler } from '../kernel/scheduler.ts';
import type { NodeClock } from './node-clock.ts';

interface Pending {
  readonly kind: 'timer' | 'input';
  readonly run: () => void;
}

/** The event loop of a process. What happens while it is stopped waits, and happens late. */
export class SimProcess implements Host {
  readonly #scheduler: Scheduler;
  readonly #nodeClock: NodeClock;
  readonly #random: RandomStream;
  /** Called whenever something runs in the process. */
  readonly #onRun: () => void;
  #alive = true;
  #stopped = false;
  #goingOn: ScheduledEvent | undefined;
  #backlog: Pending[] = [];

  constructor(scheduler: Scheduler, nodeClock: NodeClock, random: RandomStream, onRun: () => void) {
    this.#scheduler = scheduler;
    this.#nodeClock = nodeClock;
    this.#random = random;
    this.#onRun = onRun;
  }

  get alive(): boolean {
    return this.#alive;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Nothing runs in it ever again. */
  kill(): void {
    this.#alive = false;
    this.#backlog = [];
  }

  /** Something from outside happens to the process: now, or when it goes on. */
  post(run: () => void): void {
    this.#take({ kind: 'input', run });
  }

  after(delay_us: number, run: () => void): void {
    this.#scheduler.after(delay_us, () => this.post(run));
  }

  /** The process stands still for a while, as when its event loop is blocked or its machine is suspended. */
  stop(duration_us: number): void {
    if (this.#stopped || !this.#alive) {
      return;
    }
    this.#stopped = true;
    this.#goingOn = this.#scheduler.after(duration_us, () => this.#goOn());
  }

  /** The process goes on now, if it stands still. */
  goOn(): void {
    if (this.#goingOn !== undefined) {
      this.#goingOn.cancel();
      this.#goOn();
    }
  }

  /** The clock as the code under test sees it. */
  get clock(): Clock {
    return {
      now_ms: () => this.#nodeClock.now_ms(),
      setTimer: (delay_ms, callback) => this.#setTimer(delay_ms, callback),
      defer: (callback) => {
        this.#scheduler.after(0, () => this.#take({ kind: 'input', run: callback }));
      },
      atTurnEnd: (callback) => {
        this.#scheduler.after(0, () => this.#take({ kind: 'input', run: callback }));
      },
    };
  }

  #setTimer(delay_ms: number, callback: () => void): Timer {
    let cancelled = false;
    const run = (): void => {
      if (!cancelled) {
        callback();
      }
    };
    const event = this.#scheduler.after(this.#nodeClock.globalDelay_us(delay_ms), () =>
      this.#take({ kind: 'timer', run }),
    );
    return {
      cancel: () => {
        cancelled = true;
        event.cancel();
      },
    };
  }

  #take(pending: Pending): void {
    if (!this.#alive) {
      return;
    }
    if (this.#stopped) {
      this.#backlog.push(pending);
      return;
    }
    this.#onRun();
    pending.run();
  }

  /** An event loop that was blocked turns to its timers first; one that was suspended may see its input first. */
  #goOn(): void {
    this.#goingOn = undefined;
    if (this.#random.chance(0.7)) {
      const timers = this.#backlog.filter(({ kind }) => kind === 'timer');
      this.#backlog = [...timers, ...this.#backlog.filter(({ kind }) => kind !== 'timer')];
    }
    this.#workOff();
  }

  /** One piece a time: what was set off by one comes to its end before the next. */
  #workOff(): void {
    const next = this.#backlog.shift();
    if (next === undefined || !this.#alive) {
      this.#stopped = false;
      return;
    }
    this.#onRun();
    next.run();
    this.#scheduler.after(0, () => this.#workOff());
  }
}
