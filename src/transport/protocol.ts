// SPDX-License-Identifier: Apache-2.0
// What a listener needs to know of a protocol. The room that owns the protocol says what it carries.
import type { Connection, ConnectionEvents } from './connection.ts';
import type { PeerIdentity } from './peer-identity.ts';

/** Who calls. */
export interface Caller {
  /** Of a member always there; of a stranger only if it shows a certificate of the cluster, which nobody has authorized. */
  readonly peer: PeerIdentity | undefined;
  /** The IP address that the connection came from. */
  readonly address: string;
}

/** What is made of a protocol's connections. `messageHandler`, `rpcHandler` and `streamHandler` make one. */
export interface ProtocolHandler {
  /** The largest payload of a frame that is taken. */
  readonly frameLimit_bytes: number;
  /** A connection over which no byte comes for this long is cut. */
  readonly idle_ms: number;
  /** A peer that has sent something is sent a sign of life when it was sent nothing for this long. Default: at the next look. */
  readonly quiet_ms?: number;
  /** Connections of one peer; a newer one cuts the oldest. */
  readonly connectionsPerPeer: number;
  /** What throws is a refusal. */
  readonly accept: (connection: Connection, caller: Caller) => ConnectionEvents;
}

export interface Protocol {
  /** The ALPN name. */
  readonly name: string;
  /**
   * `member`: only for whom OpenSSL believes the certificate of, and `authorize` has no objection to. `stranger`: for
   * anybody, under narrow limits.
   */
  readonly policy: 'member' | 'stranger';
  readonly handler: ProtocolHandler;
}
