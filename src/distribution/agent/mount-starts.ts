// SPDX-License-Identifier: Apache-2.0
import type { EngineContainer } from '../../engine/index.ts';
import type { Clock } from '../../transport/index.ts';
import type { VolumeMount } from './mount-record.ts';

/** A container that has not come to run by then, after its volume was mounted, is not about to. */
export const START_MAX_MS = 120_000;

/** Which mounts are of containers that are starting. The engine does not say which mount is whose. */
export class MountStarts {
  readonly #clock: Pick<Clock, 'now_ms'>;
  /** When each mount was made, or first seen by this process, by volume and id. */
  readonly #madeAt_ms = new Map<string, number>();

  constructor(clock: Pick<Clock, 'now_ms'>) {
    this.#clock = clock;
  }

  made(volume: string, mountId: string): void {
    this.#madeAt_ms.set(keyOf(volume, mountId), this.#clock.now_ms());
  }

  gone(volume: string, mountId: string): void {
    this.#madeAt_ms.delete(keyOf(volume, mountId));
  }

  /** The same mounts, without the starts that are over: one of the containers runs, or none has for too long, or it is gone. */
  settle(
    volume: string,
    mounts: readonly VolumeMount[],
    containers: readonly EngineContainer[],
  ): readonly VolumeMount[] {
    const states = new Map(containers.map(({ id, state }) => [id, state]));
    return mounts.map(({ id, starting }) => {
      const runs = starting.some((one) => states.get(one) === 'running' || states.get(one) === 'paused');
      const isOver = runs || this.#age_ms(volume, id) > START_MAX_MS;
      return { id, starting: isOver ? [] : starting.filter((one) => states.has(one)) };
    });
  }

  #age_ms(volume: string, mountId: string): number {
    const key = keyOf(volume, mountId);
    const now_ms = this.#clock.now_ms();
    const madeAt_ms = this.#madeAt_ms.get(key) ?? now_ms;
    this.#madeAt_ms.set(key, madeAt_ms);
    return now_ms - madeAt_ms;
  }
}

function keyOf(volume: string, mountId: string): string {
  return `${volume}/${mountId}`;
}
