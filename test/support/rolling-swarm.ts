// SPDX-License-Identifier: Apache-2.0
// A swarm that carries out rolling updates in the steps of a test: each look at it is a moment later. Its tasks get the value that the
// store has when they are made, and may fail on it.
import { CofferError } from '../../src/common/index.ts';
import type { RollingService, RollingTask, ServiceUpdate } from '../../src/engine/index.ts';
import type { RotatedSwarm } from '../../src/rotation/index.ts';

/** What an engine does when a task of an update fails; `continue` is to go on all the same. */
export type FailureAction = 'pause' | 'rollback' | 'continue';

interface Task {
  readonly id: string;
  readonly forceUpdate: number;
  readonly value: string;
}

interface Service {
  readonly id: string;
  readonly name: string;
  readonly onFailure: FailureAction;
  /** Whether a task with this value runs. */
  readonly accepts: (value: string) => boolean;
  versionIndex: number;
  forceUpdate: number;
  previousForceUpdate: number;
  update: ServiceUpdate | undefined;
  tasks: readonly Task[];
  failed: readonly Task[];
}

export interface ServiceWish {
  readonly replicas?: number;
  readonly onFailure?: FailureAction;
  readonly accepts?: (value: string) => boolean;
}

export class RollingSwarm implements RotatedSwarm {
  readonly #services = new Map<string, Service>();
  readonly #currentValue: () => string;
  #clock = 0;
  /** When set, every call rejects with it. */
  problem: CofferError | undefined;
  /** When set, no service takes an update. */
  refusal: CofferError | undefined;

  constructor(currentValue: () => string) {
    this.#currentValue = currentValue;
  }

  add(name: string, { accepts = () => true, onFailure = 'pause', replicas = 2 }: ServiceWish = {}): void {
    const id = `id-${name}`;
    this.#services.set(id, {
      id,
      name,
      onFailure,
      accepts,
      versionIndex: this.#next(),
      forceUpdate: 0,
      previousForceUpdate: 0,
      update: undefined,
      tasks: Array.from({ length: replicas }, () => this.#newTask(0)),
      failed: [],
    });
  }

  remove(name: string): void {
    this.#services.delete(`id-${name}`);
  }

  /** Somebody else changes something of it. */
  touch(name: string): void {
    const service = this.#get(`id-${name}`);
    service.versionIndex = this.#next();
    service.update = undefined;
  }

  /** What its running tasks have. */
  values(name: string): readonly string[] {
    return this.#get(`id-${name}`).tasks.map(({ value }) => value);
  }

  tasksOf(name: string): readonly { readonly id: string; readonly forceUpdate: number }[] {
    return this.#get(`id-${name}`).tasks;
  }

  /** How often its tasks were replaced. */
  forced(name: string): number {
    return this.#get(`id-${name}`).forceUpdate;
  }

  async inspectService(id: string): Promise<RollingService | undefined> {
    this.#check();
    const service = this.#services.get(id);
    if (service === undefined) {
      return undefined;
    }
    this.#advance(service);
    const { forceUpdate, name, tasks, update, versionIndex } = service;
    return { id, name, versionIndex, forceUpdate, update, mode: 'replicated', replicas: tasks.length };
  }

  async serviceTasks(id: string): Promise<readonly RollingTask[]> {
    this.#check();
    const { accepts, failed, tasks } = this.#get(id);
    const shown = ({ forceUpdate, id: taskId, value }: Task, isWanted: boolean): RollingTask => {
      const isRunning = isWanted && accepts(value);
      const error = isRunning ? '' : 'task: non-zero exit (3)';
      return { id: taskId, isRunning, isWanted, forceUpdate, error, changedAt_ms: this.#clock };
    };
    return [...tasks.map((task) => shown(task, true)), ...failed.map((task) => shown(task, false))];
  }

  async forceService(id: string, versionIndex: number, forceUpdate: number): Promise<boolean> {
    this.#check();
    if (this.refusal !== undefined) {
      throw this.refusal;
    }
    const service = this.#services.get(id);
    if (service?.versionIndex !== versionIndex) {
      return false;
    }
    service.previousForceUpdate = service.forceUpdate;
    service.forceUpdate = forceUpdate;
    service.versionIndex = this.#next();
    service.update = undefined;
    return true;
  }

  /** The orchestrator's next step: one task is replaced, and either runs or fails. */
  #advance(service: Service): void {
    const old = service.tasks.find(({ forceUpdate }) => forceUpdate < service.forceUpdate);
    const state = service.update?.state;
    if (state === 'paused' || state === 'completed' || state === 'rollback_completed') {
      return;
    }
    if (old === undefined) {
      if (state !== undefined) {
        this.#say(service, state === 'rollback_started' ? 'rollback_completed' : 'completed');
      }
      return;
    }
    if (state === undefined) {
      this.#say(service, 'updating', this.#next());
      return;
    }
    const made = this.#newTask(service.forceUpdate);
    service.tasks = service.tasks.map((task) => (task === old ? made : task));
    if (!service.accepts(made.value)) {
      this.#onFailure(service, made);
    }
  }

  #onFailure(service: Service, task: Task): void {
    switch (service.onFailure) {
      case 'pause':
        this.#say(service, 'paused');
        break;
      case 'rollback':
        service.failed = [...service.failed, task];
        service.forceUpdate = service.previousForceUpdate;
        // What replaces the tasks that were new has the old spec, and the value of now.
        service.tasks = service.tasks.map((each) => this.#withOldSpec(service, each));
        this.#say(service, 'rollback_started', this.#next());
        break;
      case 'continue':
        break;
    }
  }

  #withOldSpec({ forceUpdate }: Service, task: Task): Task {
    return task.forceUpdate > forceUpdate ? this.#newTask(forceUpdate) : task;
  }

  #say(service: Service, state: ServiceUpdate['state'], began?: number): void {
    const startedAt = began === undefined ? (service.update?.startedAt ?? '') : `at ${began}`;
    service.update = { state, startedAt, message: '' };
    service.versionIndex = this.#next();
  }

  #newTask(forceUpdate: number): Task {
    return { id: `task${this.#next()}`, forceUpdate, value: this.#currentValue() };
  }

  #get(id: string): Service {
    const service = this.#services.get(id);
    if (service === undefined) {
      throw new CofferError('engine.refused', `service ${id} not found`);
    }
    return service;
  }

  #check(): void {
    if (this.problem !== undefined) {
      throw this.problem;
    }
  }

  #next(): number {
    this.#clock += 1;
    return this.#clock;
  }
}
