// SPDX-License-Identifier: Apache-2.0
// What a node is told of its cluster from outside.
import type { HostAndPort } from '../transport/index.ts';

/** What the engine knows of this node; all of it undefined if there is no swarm. */
export interface EngineFacts {
  readonly nodeId: string | undefined;
  /** The address that the engine advertises to its swarm. */
  readonly address: string | undefined;
  /** The addresses of the swarm's managers, without ports. */
  readonly managers: readonly string[];
}

export interface ClusterSettings {
  /** Where to listen; undefined: not at all. */
  readonly listen: HostAndPort | undefined;
  /** `host[:port]`. */
  readonly advertise: string | undefined;
  /** Managers of the cluster to join, `host[:port]` each. */
  readonly join: readonly string[];
  readonly joinToken: string | undefined;
  /** A file that holds the join token; it may go once the node has joined. */
  readonly joinTokenFile: string | undefined;
  /** Whether this node may make itself a new certificate in the place of one that is gone or has expired. */
  readonly reenrol: boolean;
}
