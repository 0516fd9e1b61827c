// SPDX-License-Identifier: Apache-2.0
// Messages to a receiver as UDP datagrams, one each (RFC 5426). Whether it has them, nobody can know.
import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import type { SyslogAddress } from './syslog-address.ts';
import { explained } from './syslog-connection.ts';

type SyslogDatagramAddress = Extract<SyslogAddress, { readonly transport: 'udp' }>;

/**
 * Resolves when the kernel has all of them. Rejects with `audit.unavailable`: then some may have been sent. The name is looked up each
 * time, since no end of a connection says that it has moved.
 */
export async function sendDatagrams(
  address: SyslogDatagramAddress,
  messages: readonly Buffer[],
): Promise<void> {
  try {
    const { address: ip, family } = await lookup(address.host);
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    try {
      for (const message of messages) {
        await send(socket, message, address.port, ip);
      }
    } finally {
      socket.close();
    }
  } catch (thrown) {
    throw explained(address, thrown);
  }
}

/** The socket is connected to nobody, so that an ICMP error for the datagram before does not stop this one. */
function send(socket: Socket, message: Buffer, port: number, ip: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.send(message, port, ip, (error) => {
      socket.off('error', reject);
      if (error === null) {
        resolve();
      } else {
        reject(error);
      }
    });
  });
}
