// SPDX-License-Identifier: Apache-2.0
import type { Channel, ChannelEvents } from '../channel.ts';

/** A connection to a manager. */
export interface ManagerChannel extends Channel {
  /** Which manager it is, for whoever asks for the status. */
  readonly manager: string;
}

/** How a node reaches the leader. */
export interface Connector {
  /**
   * One attempt, in bounded time: which manager is tried is the connector's part, and so is it to learn from a refusal which one
   * leads. Rejects with the reason; `cluster.not-leader`: no leader is known for now. `onClose` is called only for a channel that
   * was resolved with.
   */
  open(events: ChannelEvents): Promise<ManagerChannel>;
}
