// SPDX-License-Identifier: Apache-2.0
// The one port of a node, with all protocols on it, whatever the node is at the time.
import { CofferError, type Logger } from '../common/index.ts';
import { MESSAGE_LIMITS } from '../raft/index.ts';
import {
  type CredentialsSource,
  type HostAndPort,
  Listener,
  messageHandler,
  type PeerIdentity,
  type Protocol,
  type RpcMethod,
  rpcHandler,
  streamHandler,
} from '../transport/index.ts';
import { PROTOCOL } from './authorize.ts';
import type { RaftTransport } from './raft-transport.ts';

/** What the node does for those who call it. */
export interface PortServices {
  readonly raft: RaftTransport;
  readonly memberMethods: Readonly<Record<string, RpcMethod>>;
  readonly joinMethods: Readonly<Record<string, RpcMethod>>;
  readonly unlockMethods: Readonly<Record<string, RpcMethod>>;
  /** Why a peer is refused; undefined if it may speak the protocol. */
  readonly refusalOf: (peer: PeerIdentity, protocol: string) => CofferError | undefined;
}

const MEMBER_METHODS = ['hello', 'renew', 'admin', 'position', 'report'] as const;
const JOIN_METHODS = ['authority', 'join'] as const;
/** A locked manager calls once, and says little. */
const UNLOCK_LIMITS = { request_bytes: 1_024, reply_bytes: 1_024, inFlight: 1 } as const;

export interface PortOptions {
  readonly credentials: CredentialsSource;
  /** Undefined while the node is no manager that serves. */
  readonly services: () => PortServices | undefined;
  /** Protocols of rooms above, for members. */
  readonly protocols: readonly Protocol[];
  readonly logger: Logger;
}

export class Port {
  readonly #options: PortOptions;
  readonly #listener: Listener;

  constructor(options: PortOptions) {
    this.#options = options;
    const { credentials, logger } = options;
    this.#listener = new Listener({
      credentials,
      protocols: this.#protocols(),
      authorize: (peer, protocol) => this.#refusalOf(peer, protocol),
      logger,
    });
  }

  /** Rejects with `settings.invalid` if the address cannot be had. */
  listen(address: HostAndPort): Promise<HostAndPort> {
    return this.#listener.listen(address);
  }

  /** Whether another manager has the log's connection to this one open. */
  isConnected(nodeId: string): boolean {
    return this.#listener.connections.some(
      ({ peer, protocol }) => protocol === PROTOCOL.raft && peer?.nodeId === nodeId,
    );
  }

  /** Cuts the connections of those who may speak no longer. */
  cutRefused(): void {
    const reason = new CofferError('cluster.node-removed', 'the node may not speak here any longer');
    this.#listener.cut((peer, protocol) => this.#refusalOf(peer, protocol) !== undefined, reason);
  }

  async close(): Promise<void> {
    await this.#listener.close();
  }

  #services(): PortServices {
    const services = this.#options.services();
    if (services === undefined) {
      throw new CofferError('cluster.not-a-manager', 'this node is no manager, or is just starting');
    }
    return services;
  }

  #refusalOf(peer: PeerIdentity, protocol: string): CofferError | undefined {
    if (protocol === PROTOCOL.join) {
      return undefined;
    }
    try {
      return this.#services().refusalOf(peer, protocol);
    } catch (thrown) {
      return CofferError.from(thrown);
    }
  }

  #protocols(): readonly Protocol[] {
    const { logger, protocols } = this.#options;
    const member = MEMBER_METHODS.map((method) => [method, this.#method('memberMethods', method)] as const);
    const join = JOIN_METHODS.map((method) => [method, this.#method('joinMethods', method)] as const);
    const key = this.#method('unlockMethods', 'key');
    /** By its answer, a node that joins shows that it is where it says. */
    const echo: RpcMethod = async (body) => body;
    return [
      {
        name: PROTOCOL.raft,
        policy: 'member',
        handler: messageHandler({
          message_bytes: MESSAGE_LIMITS.message_bytes,
          onMessage: (peer, payload) => this.#services().raft.receive(peer, payload),
          onConnected: (peer) => this.#services().raft.connected(peer),
        }),
      },
      {
        name: PROTOCOL.snapshot,
        policy: 'member',
        handler: streamHandler({
          receive: (peer, header, chunks) => this.#services().raft.receiveSnapshot(peer, header, chunks),
        }),
      },
      {
        name: PROTOCOL.member,
        policy: 'member',
        handler: rpcHandler({ methods: Object.fromEntries(member), logger }),
      },
      {
        name: PROTOCOL.unlock,
        policy: 'member',
        handler: rpcHandler({ methods: { key }, limits: UNLOCK_LIMITS, wipe: true, logger }),
      },
      {
        name: PROTOCOL.join,
        policy: 'stranger',
        handler: rpcHandler({ methods: { ...Object.fromEntries(join), echo }, logger }),
      },
      ...protocols,
    ];
  }

  #method(of: 'memberMethods' | 'joinMethods' | 'unlockMethods', name: string): RpcMethod {
    return async (body, context) => {
      const method = this.#services()[of][name];
      if (method === undefined) {
        throw new CofferError('request.not-found', `there is no call ${name}`);
      }
      return method(body, context);
    };
  }
}
