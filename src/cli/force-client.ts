// SPDX-License-Identifier: Apache-2.0
import * as v from 'valibot';
import type { ForceProgress, LastEntry, SurvivorsReply, ToldSurvivor } from '../control/index.ts';
import type { ControlClient } from './control-client.ts';
import { errorReply, type ReplySchema } from './replies.ts';

const lastEntry: ReplySchema<LastEntry> = v.object({ term: v.number(), index: v.number() });

const survivorsReply: ReplySchema<SurvivorsReply> = v.object({
  managers: v.array(
    v.object({
      id: v.string(),
      hostname: v.string(),
      address: v.string(),
      self: v.boolean(),
      voter: v.boolean(),
      state: v.picklist(['answers', 'told', 'unready', 'silent']),
      lastEntry: v.optional(lastEntry),
      problem: v.optional(v.string()),
    }),
  ),
  lastEntry,
  alone: v.boolean(),
  refusal: v.optional(errorReply),
});

const forceProgress: ReplySchema<ForceProgress> = v.object({
  phase: v.picklist(['idle', 'reopening', 'removing', 'done', 'failed']),
  removed: v.array(v.object({ id: v.string(), hostname: v.string(), address: v.string() })),
  lastEntry: v.optional(lastEntry),
  problem: v.optional(errorReply),
});

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
