// SPDX-License-Identifier: Apache-2.0
// What travels over the control socket about the rebuild of a manager. Types alone, as in wire.ts.
import type { RebuildWish } from '../cluster/index.ts';

/**
 * `none` was begun; `joined`: the others have let the node in under a new id, and the old one is being removed; `copying` until
 * the new id votes; then `done`.
 */
export type RebuildStage = 'none' | 'joined' | 'copying' | 'done';

/** `GET /v1/rebuild`, `POST /v1/rebuild`. */
export interface RebuildDescription {
  readonly stage: RebuildStage;
  /** The node's new id. */
  readonly nodeId?: string | undefined;
  /** The id that it had, if that was known. */
  readonly replaces?: string | undefined;
  /** The directory that has what was on the disk before. */
  readonly setAside?: string | undefined;
  /** How many secrets have been copied. */
  readonly secrets?: number | undefined;
  /** What it waits for. */
  readonly problem?: string | undefined;
}

export interface RebuildAdmin {
  describe(): Promise<RebuildDescription>;
  /**
   * Resolves when the others have agreed; the rest goes on by itself. One that is under way is described. Rejects with
   * `cluster.rebuild` where there is nothing to rebuild, and with what keeps the others from agreeing: then all is as it was.
   */
  begin(wish: RebuildWish): Promise<RebuildDescription>;
}
