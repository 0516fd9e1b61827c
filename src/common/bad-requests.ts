// SPDX-License-Identifier: Apache-2.0
import type { Server } from 'node:http';

/** From now on, what comes to the server and is no HTTP request is answered so, and its connection ended. */
export function refuseBadRequests(server: Server): void {
  server.on('clientError', (_error, socket) => {
    if (socket.writable) {
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    } else {
      socket.destroy();
    }
  });
}
