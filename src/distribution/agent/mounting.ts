// SPDX-License-Identifier: Apache-2.0
// The way of a container's start through its volume: which containers mount it, what the leader says of them, and the files.
import { CofferError } from '../../common/index.ts';
import type { Clock } from '../../transport/index.ts';
import { parseVolume } from '../volume-spec.ts';
import type { Changes } from './changes.ts';
import type { ContainerView } from './container-view.ts';
import { mayStart } from './entitlement.ts';
import type { MountDecision } from './mount-decision.ts';
import type { VolumeRegistry } from './volume-registry.ts';
import type { Volumes } from './volumes.ts';

/** Docker waits longer, and a leader that has just been elected is there by then. */
const MOUNT_TIMEOUT_MS = 20_000;
/** An engine that starts answers nobody before the containers that it starts again have been given their volumes. */
const LISTING_MAX_MS = 2_000;

export interface MountingOptions {
  readonly registry: VolumeRegistry;
  readonly view: ContainerView;
  readonly volumes: Volumes;
  readonly changes: Changes;
  /** The containers that are reported may be others now. */
  readonly onWanted: () => void;
  /** Why there is no session with the leader; undefined while there is one. */
  readonly sessionProblem: () => CofferError | undefined;
  readonly clock: Clock;
}

export class Mounting {
  readonly #options: MountingOptions;
  /** By volume: how many starts wait. */
  readonly #wanted = new Map<string, number>();
  #isStopped = false;

  constructor(options: MountingOptions) {
    this.#options = options;
  }

  /** Whether a container of this volume is being started. */
  isWanted(name: string): boolean {
    return this.#wanted.has(name);
  }

  /** All that wait give up, and no more are begun. */
  stop(): void {
    this.#isStopped = true;
    this.#options.changes.notify();
  }

  /** As `VolumeService.mount`. */
  async mount(name: string, mountId: string): Promise<string> {
    const { clock, onWanted } = this.#options;
    this.#requireVolume(name);
    this.#wanted.set(name, (this.#wanted.get(name) ?? 0) + 1);
    // No listing may come that would tell the leader of it: see `#listed`.
    onWanted();
    try {
      const deadline_ms = clock.now_ms() + MOUNT_TIMEOUT_MS;
      await this.#listed(name, deadline_ms);
      return await this.#decided(name, mountId, deadline_ms);
    } finally {
      const left = (this.#wanted.get(name) ?? 1) - 1;
      if (left === 0) {
        this.#wanted.delete(name);
      } else {
        this.#wanted.set(name, left);
      }
      onWanted();
    }
  }

  /** The container may have been made a moment ago. */
  async #listed(name: string, deadline_ms: number): Promise<void> {
    const { changes, clock, view } = this.#options;
    // Of a listing that began before, this one may be missing.
    let enough = Number.POSITIVE_INFINITY;
    view.refresh().then(
      () => {
        enough = view.listings;
        changes.notify();
      },
      () => {
        enough = view.listings + 1;
        view.look();
      },
    );
    const isAnswered = (): boolean => view.listings >= enough || this.#isStopped;
    const untilAnswered = async (until_ms: number): Promise<void> => {
      while (!isAnswered() && clock.now_ms() < until_ms) {
        await changes.beyond(changes.count, until_ms - clock.now_ms());
      }
    };
    await untilAnswered(clock.now_ms() + LISTING_MAX_MS);
    if (isAnswered() || view.isRemembered) {
      return;
    }
    view.presumeRestart();
    if (view.of(name).some(mayStart)) {
      return;
    }
    await untilAnswered(deadline_ms);
    if (!isAnswered()) {
      throw new CofferError(
        'volume.timeout',
        `the engine has not told which containers mount the volume: ${view.problem?.detail ?? 'no answer'}`,
        { hint: 'Look at the engine and at this node: docker coffer status.', cause: view.problem },
      );
    }
  }

  async #decided(name: string, mountId: string, deadline_ms: number): Promise<string> {
    const { changes, clock, volumes } = this.#options;
    for (;;) {
      const { count } = changes;
      const spec = this.#requireVolume(name);
      const decision = volumes.decide(name, spec);
      if (decision.kind === 'refuse') {
        volumes.leaveBehind(decision.leftBehind);
        throw decision.reason;
      }
      if (decision.kind === 'mount') {
        const mountpoint = await volumes.inTurn(name, () =>
          volumes.mount(name, mountId, () => !this.#isStopped),
        );
        if (mountpoint !== undefined) {
          return mountpoint;
        }
      }
      if (clock.now_ms() >= deadline_ms) {
        throw this.#timeout(name, decision);
      }
      await changes.beyond(count, deadline_ms - clock.now_ms());
    }
  }

  #requireVolume(name: string): ReturnType<typeof parseVolume> {
    if (this.#isStopped) {
      throw new CofferError('volume.unavailable', 'coffer is stopping on this node');
    }
    const volume = this.#options.registry.get(name);
    if (volume === undefined) {
      throw new CofferError('volume.not-found', `there is no volume ${name} on this node`, {
        hint: `Create it: docker volume create -d coffer ${name}`,
      });
    }
    return parseVolume(name, volume.options);
  }

  #timeout(name: string, decision: MountDecision): CofferError {
    const { sessionProblem } = this.#options;
    const problem = sessionProblem();
    const who = decision.kind === 'wait' ? `container ${decision.container.name}` : `volume ${name}`;
    const why = problem === undefined ? 'it is connected, and has not answered' : problem.detail;
    return new CofferError(
      'volume.timeout',
      `the leader has not said within ${MOUNT_TIMEOUT_MS} ms what ${who} may have: ${why}`,
      { hint: 'Look at this node: docker coffer status.', cause: problem },
    );
  }
}
