// SPDX-License-Identifier: Apache-2.0
// Who is left of a cluster whose majority is lost, and how far each one's log is. Types alone, as in admin-model.ts.
import type { CofferError } from '../common/index.ts';

/** Where a log ends. Of two, the one of the later term is ahead; of one term, the one with the higher index. */
export interface LastEntry {
  readonly term: number;
  readonly index: number;
}

/**
 * What is known of a manager: it `answers` with its last entry; the administrator has `told` it; it runs and does not say
 * it (`unready`); or nothing is heard of it (`silent`).
 */
export type SurvivorState = 'answers' | 'told' | 'unready' | 'silent';

export interface SurvivorDescription {
  readonly id: string;
  readonly hostname: string;
  readonly address: string;
  /** Whether it is the node that answers. */
  readonly self: boolean;
  /** Whether its vote counts. */
  readonly voter: boolean;
  readonly state: SurvivorState;
  readonly lastEntry?: LastEntry | undefined;
  /** Why it does not say where its log ends. */
  readonly problem?: string | undefined;
}

/** What an administrator has read on a manager that cannot be asked from here. */
export interface ToldSurvivor {
  /** An id, a unique prefix of one, or a hostname. */
  readonly node: string;
  readonly lastEntry: LastEntry;
}

export interface SurvivorWish {
  readonly told: readonly ToldSurvivor[];
  /** The administrator says that those who do not answer will never come back. */
  readonly othersAreGone: boolean;
}

export interface SurvivorSurvey {
  /** All managers, this one first. */
  readonly managers: readonly SurvivorDescription[];
  /** Of this node. */
  readonly lastEntry: LastEntry;
  /** Whether this node is the only manager that votes already. Others leave the table, or join, by themselves. */
  readonly alone: boolean;
  /** Why this node must not go on alone: `cluster.not-lost`, `cluster.survivor`. Undefined if it may. */
  readonly refusal: CofferError | undefined;
}

export interface SurvivorAdmin {
  /** Asks all managers, for a few seconds at most. Throws `cluster.node-not-found` and `request.invalid` for who is told. */
  survey(wish: SurvivorWish): Promise<SurvivorSurvey>;
}
