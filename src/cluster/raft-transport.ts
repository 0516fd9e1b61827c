// SPDX-License-Identifier: Apache-2.0
// The log's messages between managers: a link to each of them, and what comes from them.
import { CofferError, type Logger } from '../common/index.ts';
import { decodeMessage, encodeMessage, type MsgSnap, type NodeId, type PeerMessage } from '../raft/index.ts';
import type { Replica, Transport } from '../store/index.ts';
import { type CredentialsSource, MessageLink, type PeerIdentity, sendStream } from '../transport/index.ts';
import { PROTOCOL } from './authorize.ts';
import type { ManagerContact, NodeIdentityFile } from './identity.ts';
import { MessageUrgency } from './message-urgency.ts';

export interface RaftTransportOptions {
  /** Who this node is; undefined until it knows. */
  readonly identity: () => NodeIdentityFile | undefined;
  readonly credentials: CredentialsSource;
  /** The managers as they are known now, this node among them. */
  readonly managers: () => readonly ManagerContact[];
  readonly logger: Logger;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly monotonic_ms: () => number;
  /** A manager has refused to speak with this node, and why. */
  readonly onRefused: (reason: CofferError, nodeId: string) => void;
}

interface Peer {
  readonly contact: ManagerContact;
  readonly link: MessageLink;
}

/** See `Transport` for what it promises. */
export class RaftTransport implements Transport {
  readonly #options: RaftTransportOptions;
  readonly #peers = new Map<NodeId, Peer>();
  /** When each manager was last heard from. */
  readonly #heard = new Map<NodeId, number>();
  readonly #urgency: MessageUrgency;
  /** Of all managers as of the last `refresh`: asked for with each message. */
  #raftIds: ReadonlyMap<string, NodeId> = new Map();
  #replica: Replica | undefined;

  constructor(options: RaftTransportOptions) {
    this.#options = options;
    this.#urgency = new MessageUrgency(options.monotonic_ms);
  }

  /** Messages go to the replica from now on. */
  attach(replica: Replica): void {
    this.#replica = replica;
    this.refresh();
  }

  /** The managers, or their addresses, are others now. */
  refresh(): void {
    const { identity, managers } = this.#options;
    const own = identity();
    if (own === undefined || this.#replica === undefined) {
      return;
    }
    const all = managers();
    this.#raftIds = new Map(all.map(({ nodeId, raftId }) => [nodeId, raftId] as const));
    const others = new Map(
      all
        .filter((contact) => contact.nodeId !== own.nodeId)
        .map((contact) => [contact.raftId, contact] as const),
    );
    for (const [raftId, { link }] of this.#peers) {
      if (!others.has(raftId)) {
        link.close();
        this.#peers.delete(raftId);
      }
    }
    for (const contact of others.values()) {
      this.#peers.get(contact.raftId)?.link.nudge();
      this.#linkTo(contact, own.clusterId);
    }
  }

  send(message: PeerMessage): void {
    const peer = this.#peers.get(message.to);
    if (peer === undefined) {
      this.#replica?.reportUnreachable(message.to);
      return;
    }
    if (peer.link.isUp) {
      peer.link.send(encodeMessage(message), this.#urgency.of(message));
    } else {
      this.#replica?.reportUnreachable(message.to);
    }
  }

  async sendSnapshot(message: MsgSnap, chunks: AsyncIterable<Buffer>): Promise<void> {
    const contact = this.#contact(message.to);
    if (contact === undefined) {
      throw new CofferError('transport.unreachable', 'the manager that needs a snapshot is not known');
    }
    const { credentials, identity } = this.#options;
    const clusterId = identity()?.clusterId ?? '';
    await sendStream({
      address: contact.address,
      protocol: PROTOCOL.snapshot,
      credentials,
      expect: { nodeId: contact.nodeId, clusterId, role: 'manager' },
      header: encodeMessage(message),
      chunks,
      wipe: true,
    });
  }

  /** Whether this manager was heard from within the last `patience_ms`. */
  isReachable(raftId: NodeId, patience_ms: number): boolean {
    const heard_ms = this.#heard.get(raftId);
    return heard_ms !== undefined && this.#options.monotonic_ms() - heard_ms <= patience_ms;
  }

  /** A message over `PROTOCOL.raft`. The payload is wiped. */
  receive(peer: PeerIdentity, payload: Buffer): void {
    try {
      const message = decodeMessage(payload);
      const sender = this.#raftIdOf(peer);
      if (sender === undefined || (message.from !== sender && !forwarded(message))) {
        throw new CofferError('raft.message-invalid', `node ${peer.nodeId} speaks for another node`);
      }
      this.#heard.set(sender, this.#options.monotonic_ms());
      this.#urgency.received(sender, message);
      this.#replica?.receive(message);
    } finally {
      payload.fill(0);
    }
  }

  /** A state over `PROTOCOL.snapshot`. Resolves when it was taken in, or is not needed. */
  async receiveSnapshot(peer: PeerIdentity, header: Buffer, chunks: AsyncIterable<Buffer>): Promise<void> {
    const message = decodeMessage(header);
    if (message.type !== 'MsgSnap' || message.from !== this.#raftIdOf(peer)) {
      throw new CofferError('raft.message-invalid', 'a stream begins with the message of its snapshot');
    }
    if (this.#replica === undefined) {
      throw new CofferError('store.starting', 'the manager is starting');
    }
    await this.#replica.receiveSnapshot(message, wipedAfterUse(chunks));
  }

  /** A manager has connected to this one: it lives, so the link to it is tried at once. */
  connected(peer: PeerIdentity): void {
    const raftId = this.#raftIdOf(peer);
    if (raftId !== undefined) {
      this.#peers.get(raftId)?.link.nudge();
    }
  }

  close(): void {
    this.#replica = undefined;
    this.#peers.forEach(({ link }) => link.close());
    this.#peers.clear();
  }

  #raftIdOf({ nodeId }: PeerIdentity): NodeId | undefined {
    return this.#raftIds.get(nodeId);
  }

  #contact(raftId: NodeId): ManagerContact | undefined {
    return this.#options.managers().find((contact) => contact.raftId === raftId);
  }

  #linkTo(contact: ManagerContact, clusterId: string): void {
    if (this.#peers.has(contact.raftId)) {
      return;
    }
    const { credentials, logger, onRefused, random } = this.#options;
    const { nodeId, raftId } = contact;
    const link = new MessageLink({
      address: () => this.#contact(raftId)?.address ?? contact.address,
      protocol: PROTOCOL.raft,
      credentials,
      expect: { nodeId, clusterId, role: 'manager' },
      logger,
      random,
      wipe: true,
      onUp: () => logger.info('connected to a manager', { node: nodeId }),
      onDown: (reason) => {
        logger.info('not connected to a manager', { node: nodeId, reason: reason.detail });
        onRefused(reason, nodeId);
      },
      onLost: () => this.#replica?.reportUnreachable(raftId),
    });
    this.#peers.set(raftId, { contact, link });
  }
}

/** What a follower passes on keeps the name of whoever asked. */
function forwarded({ type }: PeerMessage): boolean {
  return type === 'MsgProp' || type === 'MsgTransferLeader' || type === 'MsgReadIndex';
}

async function* wipedAfterUse(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    try {
      yield chunk;
    } finally {
      chunk.fill(0);
    }
  }
}
