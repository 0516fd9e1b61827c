// SPDX-License-Identifier: Apache-2.0
// A network of one hop that a test can silence: the connections stay, and nothing comes through any more.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

export class TcpProxy {
  readonly address: string;
  readonly #sockets: Set<Socket>;
  readonly #state: { silent: boolean };

  private constructor(port: number, sockets: Set<Socket>, state: { silent: boolean }) {
    this.address = `127.0.0.1:${port}`;
    this.#sockets = sockets;
    this.#state = state;
  }

  /** Leads to `port`, until the test ends. */
  static async open(t: TestContext, port: number): Promise<TcpProxy> {
    const sockets = new Set<Socket>();
    const state = { silent: false };
    const keep = (socket: Socket): void => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
      if (state.silent) {
        socket.pause();
      }
    };
    const server = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      keep(near);
      keep(far);
      near.on('data', (chunk) => far.write(chunk));
      far.on('data', (chunk) => near.write(chunk));
      near.on('close', () => far.destroy());
      far.on('close', () => near.destroy());
      if (state.silent) {
        near.pause();
        far.pause();
      }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(async () => {
      sockets.forEach((socket) => socket.destroy());
      server.close();
      await once(server, 'close');
    });
    return new TcpProxy((server.address() as AddressInfo).port, sockets, state);
  }

  /** From now on nothing is forwarded, in neither direction. */
  silence(): void {
    this.#state.silent = true;
    this.#sockets.forEach((socket) => socket.pause());
  }

  restore(): void {
    this.#state.silent = false;
    this.#sockets.forEach((socket) => socket.resume());
  }

  /** Breaks what is connected. */
  cut(): void {
    this.#sockets.forEach((socket) => socket.destroy());
  }
}
