// SPDX-License-Identifier: Apache-2.0
// The one value in which everything leaves the core.
import type { Message } from './message.ts';
import type { Entry, HardState, ReadState, Snapshot, SoftState } from './types.ts';

/**
 * What the driver is to do. With asynchronous writes, `MsgStorageAppend` and `MsgStorageApply` among the messages say
 * all of it: requests to the same one of the two must be carried out in order, and none may be lost; `entries`,
 * `hardState`, `snapshot` and `committedEntries` only repeat what they hold. All other messages may leave at once.
 *
 * Without, the driver first makes `hardState`, `entries` and `snapshot` durable (`mustSync`), then sends `messages`,
 * then applies `committedEntries`, and calls `advance`.
 */
export interface Ready {
  /** Undefined if it has not changed. */
  readonly softState: SoftState | undefined;
  /** Undefined if it has not changed. */
  readonly hardState: HardState | undefined;
  readonly readStates: readonly ReadState[];
  /** To append; the first one may replace entries from its index on. */
  readonly entries: readonly Entry[];
  /** To put in the place of the log, and of the state. */
  readonly snapshot: Snapshot | undefined;
  /**
   * To apply. Conf changes among them must be put into effect by `applyConfChange`, unless the driver decides against
   * one.
   */
  readonly committedEntries: readonly Entry[];
  readonly messages: readonly Message[];
  /**
   * Whether entries, term or vote must be durable before anything is sent: a commit index alone need not be. A
   * snapshot must.
   */
  readonly mustSync: boolean;
}
