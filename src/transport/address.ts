// SPDX-License-Identifier: Apache-2.0
import { isIPv6 } from 'node:net';
import { CofferError } from '../common/index.ts';

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

const PORT_MAX = 65_535;

/** Reads `host:port`, with an IPv6 address in brackets. Throws `transport.unreachable` for anything else. */
export function parseAddress(address: string): HostAndPort {
  const match = /^(?:\[(?<ipv6>[0-9a-fA-F:.]+)\]|(?<name>[^:[\]\s]+)):(?<port>\d{1,5})$/.exec(address);
  const host = match?.groups?.['ipv6'] ?? match?.groups?.['name'];
  const port = Number(match?.groups?.['port']);
  if (host === undefined || !(port >= 1 && port <= PORT_MAX)) {
    throw new CofferError('transport.unreachable', `${JSON.stringify(address)} is not an address`, {
      hint: 'Write it as HOST:PORT, and an IPv6 address in brackets.',
    });
  }
  return { host, port };
}

/** The reverse of `parseAddress`. */
export function formatAddress({ host, port }: HostAndPort): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** An IPv4 address that came in through an IPv6 socket is written as IPv4. */
export function plainAddress(remoteAddress: string | undefined): string {
  return (remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');
}
