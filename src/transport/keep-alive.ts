// SPDX-License-Identifier: Apache-2.0
import { CofferError } from '../common/index.ts';
import type { Clock, Timer } from './clock.ts';
import type { Connection } from './connection.ts';
import { FRAME } from './frame.ts';

export interface KeepAliveOptions {
  readonly connection: Connection;
  readonly clock: Clock;
  /** How often a ping goes out. */
  readonly ping_ms: number;
  /** A peer that sends nothing for this long is taken for dead. */
  readonly dead_ms: number;
}

/** Pings the other side, and cuts the connection when nothing comes from there any more. Returns what ends it. */
export function keepAlive({ clock, connection, dead_ms, ping_ms }: KeepAliveOptions): () => void {
  let timer: Timer | undefined;
  let beat_ms = clock.now_ms();
  const schedule = (): void => {
    timer = clock.setTimer(ping_ms, () => {
      const now_ms = clock.now_ms();
      // A process that stood still itself has not yet read what came meanwhile.
      const stoodStill = now_ms - beat_ms > ping_ms + dead_ms / 2;
      beat_ms = now_ms;
      if (!stoodStill && now_ms - connection.received_ms > dead_ms) {
        connection.destroy(
          new CofferError(
            'transport.timeout',
            `${connection.peerName} has sent nothing for ${dead_ms} ms; what was sent to it may have arrived`,
          ),
        );
        return;
      }
      connection.send(FRAME.ping, undefined, { urgency: 'first' });
      schedule();
    });
  };
  schedule();
  return () => timer?.cancel();
}
