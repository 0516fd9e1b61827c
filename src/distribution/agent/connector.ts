// SPDX-License-Identifier: Apache-2.0
import type { Channel, ChannelEvents } from '../../transport/index.ts';

/** How a node reaches the leader. */
export interface Connector {
  /**
   * One attempt, in bounded time: which manager is tried is the connector's part. Rejects with the reason; `events` are told only of
   * a channel that was resolved with.
   */
  open(events: ChannelEvents): Promise<Channel>;
  /** The manager that was tried last, for whoever asks for the status. */
  readonly manager: string | undefined;
}
