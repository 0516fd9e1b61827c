// SPDX-License-Identifier: Apache-2.0
import type { ForceProgress, SurvivorsReply, ToldSurvivor } from '../control/index.ts';
import type { ControlClient } from './control-client.ts';
import { forceProgress, survivorsReply } from './force-replies.ts';

/** The part of coffer's own API by which a survivor goes on alone. It rejects as `ControlClient` does. */
export class ForceClient {
  readonly #control: ControlClient;

  constructor(control: ControlClient) {
    this.#control = control;
  }

  /** Asks all managers. Nothing is changed. */
  survivors(told: readonly ToldSurvivor[]): Promise<SurvivorsReply> {
    return this.#control.call({ method: 'POST', path: '/v1/survivors', body: { told } }, survivorsReply);
  }

  begin(told: readonly ToldSurvivor[]): Promise<ForceProgress> {
    const body = { told, othersAreGone: true };
    return this.#control.call({ method: 'POST', path: '/v1/force-new-cluster', body }, forceProgress);
  }

  progress(): Promise<ForceProgress> {
    return this.#control.call({ method: 'GET', path: '/v1/force-new-cluster' }, forceProgress);
  }
}
