// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { eventually } from './gateway-harness.ts';

/** What came to the engine by one connection, and a way to answer. */
export interface Side {
  readonly socket: Socket;
  readonly received: string;
  has(text: string): Promise<void>;
  ended(): Promise<void>;
}

/** The engine's side of the next connection, as bytes. */
export function nextRaw(engine: {
  onRaw: ((socket: Socket, first: Buffer) => boolean) | undefined;
}): Promise<Side> {
  return new Promise((resolve) => {
    engine.onRaw = (socket, first) => {
      engine.onRaw = undefined;
      let received = first.toString('latin1');
      socket.on('data', (chunk: Buffer) => {
        received += chunk.toString('latin1');
      });
      socket.resume();
      resolve({
        socket,
        get received() {
          return received;
        },
        has: (text) => eventually(() => received.includes(text), `"${text}" in the engine`),
        ended: async () => {
          if (!socket.readableEnded) {
            await once(socket, 'end');
          }
        },
      });
      return true;
    };
  });
}
