// SPDX-License-Identifier: Apache-2.0
// The leader's work on rotations: one look at a time, each of which takes one step at most. What is to be asked of the engine is in the
// replicated state before it is asked, and what has come of it afterwards, so that whoever leads next goes on from there.
import { CofferError, formatDuration, type Logger, unreachable } from '../common/index.ts';
import { type EngineClient, engineStatus, type RollingService, type RollingTask } from '../engine/index.ts';
import {
  isRunning,
  type RotatedService,
  type RotatedState,
  type RotationMark,
  type RotationObject,
} from '../membership/index.ts';
import type { SecretStore } from '../store/index.ts';
import { HoldUp } from './hold-up.ts';
import { judge, lateness, markOf } from './judge.ts';
import { Patience } from './patience.ts';
import { shortened } from './shortened.ts';
import { valueBeforeOpens } from './value-before.ts';

/** The engine, as far as a rotation needs it. */
export interface RotatedSwarm extends Pick<EngineClient, 'inspectService' | 'serviceTasks'> {
  forceService(id: string, versionIndex: number, forceUpdate: number): Promise<boolean>;
}

export interface RotationRunnerOptions {
  readonly swarm: RotatedSwarm;
  readonly store: Pick<
    SecretStore,
    'byId' | 'cluster' | 'deliveredVersion' | 'propose' | 'readBarrier' | 'readValue'
  >;
  /** Whether this manager leads still. */
  readonly leads: () => boolean;
  readonly now_ms: () => number;
  readonly monotonic_ms: () => number;
  readonly logger: Logger;
}

/** What a service goes through, on the way forth and on the way back. */
const WAYS = {
  updating: { from: ['waiting'], through: 'updating', to: 'updated' },
  'rolling-back': { from: ['updating', 'updated'], through: 'reverting', to: 'reverted' },
} as const satisfies Record<string, Way>;

interface Way {
  readonly from: readonly RotatedState[];
  readonly through: RotatedState;
  readonly to: RotatedState;
}

const READ_TIMEOUT_MS = 2_000;
const PROPOSE_TIMEOUT_MS = 5_000;
/** An answer with one of these says that the request itself is wrong: it will be wrong again. */
const isFinal = (status: number | undefined): boolean =>
  status !== undefined && status >= 400 && status < 500 && status !== 404 && status !== 408 && status !== 429;

export class RotationRunner {
  readonly #options: RotationRunnerOptions;
  readonly #patience: Patience;
  readonly #holdUp: HoldUp;

  constructor(options: RotationRunnerOptions) {
    this.#options = options;
    this.#patience = new Patience(options.monotonic_ms);
    this.#holdUp = new HoldUp(options);
  }

  /**
   * Looks once at the rotation that was begun first, and takes the step that is due. `idle`: there is none, or this manager does not
   * lead; `waiting`: look again in a while; `moved`: look again at once. Rejects if the engine, or the other managers, do not answer.
   */
  async look(): Promise<'idle' | 'waiting' | 'moved'> {
    const { leads, store } = this.#options;
    if (!leads() || !store.cluster.rotations().some(isRunning)) {
      return 'idle';
    }
    // Of one who has begun to lead, what the leader before it has left in the log may not be applied yet.
    if ((await store.readBarrier(READ_TIMEOUT_MS)) !== 'linearizable') {
      return 'waiting';
    }
    const rotation = store.cluster.rotations().find(isRunning);
    if (rotation === undefined) {
      return 'idle';
    }
    try {
      const outcome = await this.#goOn(rotation);
      if (leads()) {
        await this.#holdUp.passed(store.cluster.rotation(rotation.id) ?? rotation);
      }
      return outcome;
    } catch (thrown) {
      await this.#holdUp.failed(rotation, thrown);
      throw thrown;
    }
  }

  async #goOn(rotation: RotationObject): Promise<'waiting' | 'moved'> {
    const way: Way = rotation.phase === 'updating' ? WAYS.updating : WAYS['rolling-back'];
    const next =
      rotation.services.find(({ state }) => state === way.through) ??
      rotation.services.find(({ state }) => way.from.includes(state));
    if (next === undefined) {
      await this.#end(rotation);
      return 'moved';
    }
    return this.#lookAt(rotation, next, way);
  }

  async #lookAt(rotation: RotationObject, service: RotatedService, way: Way): Promise<'waiting' | 'moved'> {
    const { leads, swarm } = this.#options;
    const found = await swarm.inspectService(service.id);
    if (found === undefined) {
      return this.#step(rotation, service, 'gone');
    }
    if (service.state !== way.through) {
      return this.#step(rotation, service, way.through, markOf(found));
    }
    const tasks = await swarm.serviceTasks(service.id);
    const judgement = judge(found, tasks, service);
    const waited_ms = this.#patience.look(`${rotation.id} ${service.id} ${service.state}`);
    const isOpen =
      judgement.kind !== 'failed' && (judgement.kind !== 'converged' || this.#gaveOld(rotation, tasks));
    if (isOpen && waited_ms >= rotation.timeout_ms) {
      const waited = formatDuration(rotation.timeout_ms);
      return this.#fail(rotation, service, lateness(tasks, service, waited));
    }
    switch (judgement.kind) {
      case 'converged':
        return this.#gaveOld(rotation, tasks)
          ? this.#step(rotation, service, way.through, markOf(found))
          : this.#step(rotation, service, way.to);
      case 'failed':
        return this.#fail(rotation, service, judgement.why);
      case 'mark':
        return this.#step(rotation, service, way.through, markOf(found));
      case 'ask':
        return leads() ? this.#ask(rotation, service, found) : 'waiting';
      case 'wait':
        return 'waiting';
      default:
        return unreachable(judgement);
    }
  }

  /** A manager that is cut off answers from what it has: then a new task may have been given the version of before. */
  #gaveOld(
    { phase, restoredVersion, secretId, toVersion }: RotationObject,
    tasks: readonly RollingTask[],
  ): boolean {
    const { store } = this.#options;
    const expected = phase === 'updating' ? toVersion : restoredVersion;
    return tasks.some(({ id, isWanted }) => {
      const given = isWanted ? store.deliveredVersion(id, secretId) : undefined;
      return given !== undefined && given < expected;
    });
  }

  async #ask(
    rotation: RotationObject,
    service: RotatedService,
    { versionIndex }: RollingService,
  ): Promise<'waiting' | 'moved'> {
    try {
      await this.#options.swarm.forceService(service.id, versionIndex, service.forceUpdate);
      return 'waiting';
    } catch (thrown) {
      if (isFinal(engineStatus(thrown))) {
        return this.#fail(rotation, service, CofferError.from(thrown).detail);
      }
      throw thrown;
    }
  }

  /** On the way forth all goes back; on the way back the others still do. */
  async #fail(rotation: RotationObject, service: RotatedService, why: string): Promise<'moved'> {
    const { logger, now_ms, store } = this.#options;
    if (rotation.phase === 'rolling-back') {
      return this.#step(rotation, service, 'failed', undefined, shortened(why));
    }
    logger.warn('a rotation goes back', { secret: rotation.secretName, service: service.name, reason: why });
    await store.propose(
      {
        kind: 'revert-rotation',
        id: rotation.id,
        restore: valueBeforeOpens(store, rotation),
        problem: shortened(`service ${service.name}: ${why}`),
        at_ms: now_ms(),
      },
      { timeout_ms: PROPOSE_TIMEOUT_MS },
    );
    return 'moved';
  }

  async #step(
    { id }: RotationObject,
    service: RotatedService,
    to: RotatedState,
    mark?: RotationMark,
    note = '',
  ): Promise<'moved'> {
    await this.#options.store.propose(
      { kind: 'step-rotation', id, serviceId: service.id, from: service.state, to, mark, note },
      { timeout_ms: PROPOSE_TIMEOUT_MS },
    );
    return 'moved';
  }

  async #end(rotation: RotationObject): Promise<void> {
    const { logger, now_ms, store } = this.#options;
    await store.propose(
      { kind: 'end-rotation', id: rotation.id, at_ms: now_ms() },
      { timeout_ms: PROPOSE_TIMEOUT_MS },
    );
    const { phase, secretName } = store.cluster.rotation(rotation.id) ?? rotation;
    logger.info('a rotation has ended', { secret: secretName, outcome: phase });
  }
}
