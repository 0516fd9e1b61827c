// SPDX-License-Identifier: Apache-2.0
import { CofferError, type Logger, silentLogger } from '../common/index.ts';
import { type Clock, systemClock } from '../transport/index.ts';
import type { EngineClient } from './engine-client.ts';
import { type BackOff, EVENTS_BACK_OFF, followEvents } from './follow-events.ts';
import { ReadSchedule } from './read-schedule.ts';
import { type SwarmSnapshot, TASK_STATES } from './swarm-model.ts';
import type { SwarmSource } from './swarm-source.ts';

export interface SwarmWatchOptions {
  readonly client: EngineClient;
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly backOff?: BackOff;
  /** `nodes`: services and tasks are not read, which a large swarm has many of, and none are in the snapshot. Default: `all`. */
  readonly reads?: 'all' | 'nodes';
}

/** What a task is to come to that is to run: a job's tasks are to run until they are complete. */
const DESIRED_STATES = TASK_STATES.slice(0, TASK_STATES.indexOf('complete') + 1);

interface Run {
  readonly stop: AbortController;
  readonly schedule: ReadSchedule;
  /** Ends the wait for the next reading. */
  wake: () => void;
}

/**
 * Reads the swarm of this node's engine after events, when asked to, and from time to time. An engine that does not answer, or
 * that cannot tell at the moment (it is starting, or its swarm is locked), changes nothing of what was read before.
 */
export class SwarmWatch implements SwarmSource {
  readonly #client: EngineClient;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #backOff: BackOff;
  readonly #reads: 'all' | 'nodes';
  readonly #listeners = new Set<() => void>();
  #snapshot: SwarmSnapshot | undefined | 'unknown' = 'unknown';
  #run: Run | undefined;
  #problem: CofferError | undefined;

  constructor(options: SwarmWatchOptions) {
    this.#client = options.client;
    this.#logger = options.logger ?? silentLogger;
    this.#clock = options.clock ?? systemClock;
    this.#backOff = options.backOff ?? EVENTS_BACK_OFF;
    this.#reads = options.reads ?? 'all';
  }

  snapshot(): SwarmSnapshot | undefined | 'unknown' {
    return this.#snapshot;
  }

  /** Why it cannot be read at present. */
  get problem(): CofferError | undefined {
    return this.#problem;
  }

  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  refresh(): void {
    this.#run?.schedule.refresh();
    this.#run?.wake();
  }

  /** Begins with nothing known. A second call changes nothing. */
  start(): void {
    if (this.#run !== undefined) {
      return;
    }
    const run: Run = {
      stop: new AbortController(),
      schedule: new ReadSchedule(this.#clock.now_ms()),
      wake: () => undefined,
    };
    this.#run = run;
    this.#snapshot = 'unknown';
    this.#problem = undefined;
    void this.#readOn(run);
    void this.#follow(run);
  }

  /** Nothing is read, and nobody called back, from now on. What was read is forgotten. */
  stop(): void {
    const run = this.#run;
    this.#run = undefined;
    this.#snapshot = 'unknown';
    this.#problem = undefined;
    run?.stop.abort();
    run?.wake();
  }

  /** Never rejects. */
  async #readOn(run: Run): Promise<void> {
    while (this.#run === run) {
      const wait_ms = run.schedule.due_ms - this.#clock.now_ms();
      if (wait_ms > 0) {
        await this.#wait(run, wait_ms);
      } else {
        await this.#readOnce(run);
      }
    }
  }

  #wait(run: Run, wait_ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.setTimer(wait_ms, resolve);
      run.wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  async #readOnce(run: Run): Promise<void> {
    const begunAt_ms = this.#clock.now_ms();
    run.schedule.begin(begunAt_ms);
    try {
      const snapshot = await this.#read(begunAt_ms);
      if (this.#run === run) {
        this.#succeeded(snapshot);
      }
    } catch (thrown) {
      if (this.#run === run) {
        this.#failed(CofferError.from(thrown));
      }
    } finally {
      run.schedule.end(this.#clock.now_ms());
    }
  }

  async #read(begunAt_ms: number): Promise<SwarmSnapshot | undefined> {
    const { controlAvailable, swarmState } = await this.#client.info();
    if (swarmState === 'inactive') {
      return undefined;
    }
    if (swarmState !== 'active') {
      throw new CofferError('engine.refused', `the engine's swarm is ${swarmState}`);
    }
    if (!controlAvailable) {
      // Not as if there were no swarm: its tasks run on, and nobody here can tell which they are.
      throw new CofferError('engine.refused', 'the engine is a worker of its swarm, which knows no tasks', {
        hint: 'Make it a manager: docker node promote. Or run coffer as a manager where managers of the swarm are.',
      });
    }
    if (this.#reads === 'nodes') {
      return { begunAt_ms, nodes: await this.#client.listNodes(), services: [], tasks: [] };
    }
    // In this order: of each task that is listed, the service is listed as well, unless it has gone meanwhile.
    const tasks = await this.#client.listTasks({ desiredStates: DESIRED_STATES });
    const services = await this.#client.listServices();
    const nodes = await this.#client.listNodes();
    return { begunAt_ms, nodes, services, tasks };
  }

  #succeeded(snapshot: SwarmSnapshot | undefined): void {
    if (this.#problem !== undefined) {
      this.#problem = undefined;
      this.#logger.info('the engine tells again what its swarm is to do', {});
    }
    this.#snapshot = snapshot;
    this.#listeners.forEach((listener) => listener());
  }

  #failed(problem: CofferError): void {
    const { code, detail } = problem;
    if (this.#problem === undefined) {
      this.#logger.warn('the engine does not tell what its swarm is to do', { code, reason: detail });
    }
    this.#problem = problem;
  }

  #follow(run: Run): Promise<void> {
    const onNews = (): void => {
      run.schedule.event(this.#clock.now_ms());
      run.wake();
    };
    return followEvents(
      {
        client: this.#client,
        subjects: this.#reads === 'nodes' ? ['node'] : ['service', 'node', 'secret'],
        actions: [],
        logger: this.#logger,
        backOff: this.#backOff,
        onOpen: onNews,
        onEvent: onNews,
      },
      run.stop.signal,
    );
  }
}
