// SPDX-License-Identifier: Apache-2.0
// How a test starts a manager, and the settings that follow.
import path from 'node:path';
import type { NetworkHost } from './network.ts';
import type { Sockets } from './secret-calls.ts';

/** What a manager needs to become one of a cluster that is there. */
export interface Joining {
  /** ADDR:PORT of managers. */
  readonly addresses: readonly string[];
  readonly token: string;
}

export interface ManagerOptions {
  /** Default `manager`. */
  readonly name?: string;
  /** The host that it runs on; the test's own, on the loopback interface, by default. */
  readonly host?: NetworkHost;
  /** Default: 7373 on a host of its own, else one that is free. */
  readonly port?: number;
  /** The cluster that it joins at its first start; without, it makes one. */
  readonly joining?: Joining;
  /** Settings that differ from the launcher's. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where its directory is made; that for temporary files by default. */
  readonly directory?: string;
}

/** Where the launcher has put what the manager needs. */
export interface ManagerPlaces extends Sockets {
  readonly stateDirectory: string;
  /** ADDR:PORT. */
  readonly address: string;
}

/** The daemon's whole environment; `differing` settings come last. */
export function managerEnvironment(
  places: ManagerPlaces,
  joining: Joining | undefined,
  differing: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    NODE_ENV: 'production',
    UV_THREADPOOL_SIZE: '8',
    COFFER_MODE: 'process',
    COFFER_STATE: places.stateDirectory,
    COFFER_PLUGIN_SOCKET: places.pluginSocket,
    COFFER_GATEWAY_SOCKET: places.gatewaySocket,
    COFFER_CONTROL_SOCKET: places.controlSocket,
    COFFER_VOLUMES: path.join(
      path.dirname(places.stateDirectory),
      `volumes-${path.basename(places.stateDirectory)}`,
    ),
    // Nobody listens there.
    COFFER_ENGINE_SOCKET: path.join(path.dirname(places.stateDirectory), 'no-engine.sock'),
    COFFER_LOG_LEVEL: 'debug',
    COFFER_LISTEN: places.address,
    COFFER_ADVERTISE: places.address,
    ...(joining === undefined
      ? {}
      : { COFFER_JOIN: joining.addresses.join(','), COFFER_JOIN_TOKEN: joining.token }),
    ...differing,
  };
}
