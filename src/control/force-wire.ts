// SPDX-License-Identifier: Apache-2.0
// What travels over the control socket when a survivor is to go on alone. Types alone, as in wire.ts.
import type { LastEntry, SurvivorDescription, SurvivorWish } from './cluster-wire.ts';
import type { ErrorReply } from './wire.ts';

/** `POST /v1/survivors`. */
export interface SurvivorsReply {
  /** All managers, the one that answers first. */
  readonly managers: readonly SurvivorDescription[];
  /** Of the one that answers. */
  readonly lastEntry: LastEntry;
  /** Whether it is the only manager that votes already. */
  readonly alone: boolean;
  /** Why a new cluster cannot be forced here, whatever the administrator says. */
  readonly refusal?: ErrorReply | undefined;
}

/**
 * `idle`: nothing was asked for since the daemon's start; `reopening` the store, as that of the only manager; `removing` the
 * others from the table of nodes; `done`; or `failed`, after which the node is what `docker coffer node ls` shows.
 */
export type ForcePhase = 'idle' | 'reopening' | 'removing' | 'done' | 'failed';

export interface RemovedManager {
  readonly id: string;
  readonly hostname: string;
  readonly address: string;
}

/** `GET /v1/force-new-cluster`; `POST`, which begins it. */
export interface ForceProgress {
  readonly phase: ForcePhase;
  /** The managers that are removed by it. */
  readonly removed: readonly RemovedManager[];
  /** Where the log ended with which this manager goes on. */
  readonly lastEntry?: LastEntry | undefined;
  /** Why it has failed. */
  readonly problem?: ErrorReply | undefined;
}

export interface ForceNewCluster {
  /**
   * Makes this manager the only one, unless the managers that answer say otherwise now. Resolves when it has begun; one that is
   * under way goes on. Throws `cluster.not-lost`, `cluster.survivor`, and why this node has no cluster to speak of.
   */
  begin(wish: SurvivorWish): Promise<ForceProgress>;
  progress(): ForceProgress;
}
