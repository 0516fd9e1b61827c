// SPDX-License-Identifier: Apache-2.0
// Where this node listens, and where others reach it.
import { connect } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { formatAddress, type HostAndPort, parseAddress } from '../transport/index.ts';

export const DEFAULT_PORT = 7373;
const PROBE_TIMEOUT_MS = 2_000;
/** Bridges of engines and virtual machines: every host may have the same address on them. */
const LOCAL_INTERFACE = /^(docker|br-|veth|virbr|cni|podman|lxc)/;
const ANY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::', '']);

/** `HOST`, `HOST:PORT` or `[IPV6]:PORT`; without a port it is coffer's own. Throws `transport.unreachable`. */
export function withPort(address: string, port: number = DEFAULT_PORT): string {
  const hasPort = /:\d+$/.test(address) && (address.includes(']') || address.split(':').length === 2);
  return formatAddress(parseAddress(hasPort ? address : `${bracketed(address)}:${port}`));
}

function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

export interface AdvertiseOptions {
  /** COFFER_ADVERTISE. */
  readonly wished: string | undefined;
  readonly listening: HostAndPort;
  /** The address that the engine advertises to its swarm. */
  readonly engineAddress: string | undefined;
  /** This node's own address on the way to a manager. */
  readonly towardsManager: string | undefined;
  /** `host:port`, as the cluster was told before; empty or undefined if it was not. */
  readonly told: string | undefined;
}

/** The address by which others reach this node: what was wished, or the best that can be known. */
export function advertised(options: AdvertiseOptions): string {
  const { engineAddress, listening, told, towardsManager, wished } = options;
  const { host, port } = listening;
  if (wished !== undefined) {
    return withPort(wished, port);
  }
  if (!ANY_ADDRESS.has(host)) {
    return formatAddress(listening);
  }
  const best = engineAddress ?? towardsManager ?? ownAddress(networkInterfaces(), told) ?? '127.0.0.1';
  return formatAddress({ host: best, port });
}

/** This node's own address on a connection to `address`; undefined if there is none. */
export function localAddressTowards(address: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const { host, port } = parseAddress(address);
    const socket = connect({ host, port, timeout: PROBE_TIMEOUT_MS });
    const settle = (found: string | undefined): void => {
      socket.destroy();
      resolve(found);
    };
    socket.once('connect', () => settle(socket.localAddress?.replace(/^::ffff:/, '')));
    socket.once('error', () => settle(undefined));
    socket.once('timeout', () => settle(undefined));
  });
}

/**
 * Pure: which of a machine's addresses others may reach. While the engine has not answered, as after a start of the machine, the one
 * that the cluster knows is better than any guess.
 */
export function ownAddress(
  interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>,
  told: string | undefined,
): string | undefined {
  const outward = Object.entries(interfaces).flatMap(([name, infos]) =>
    (infos ?? [])
      .filter(({ internal }) => !internal)
      .map(({ address, family }) => ({ name, address, family })),
  );
  const host = told === undefined || told === '' ? undefined : parseAddress(told).host;
  const known = outward.find(({ address }) => address === host);
  const guessed = outward.find(({ family, name }) => family === 'IPv4' && !LOCAL_INTERFACE.test(name));
  return (known ?? guessed)?.address;
}
