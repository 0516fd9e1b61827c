// SPDX-License-Identifier: Apache-2.0
// The one port of a node.
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from 'node:tls';
import { CofferError, type Logger } from '../common/index.ts';
import { formatAddress, type HostAndPort, plainAddress } from './address.ts';
import { type AdmissionOptions, admit, type Admission } from './admission.ts';
import { type Clock, systemClock, type Timer } from './clock.ts';
import { Connection } from './connection.ts';
import { contextOptions, type CredentialsSource } from './credentials.ts';
import { FRAME } from './frame.ts';
import { HandshakeSlots, type Slot } from './handshake-slots.ts';
import { LimitedLog } from './limited-log.ts';
import { Members, type OpenConnection } from './members.ts';
import type { PeerIdentity } from './peer-identity.ts';
import type { Protocol } from './protocol.ts';

/** Bounds for those who have not shown that they are members. */
export interface StrangerLimits {
  /** Connections before the end of their handshake and authorization. Default 128. */
  readonly handshakes: number;
  /** Of these, and of the strangers' connections, from one address. Default 16. */
  readonly perAddress: number;
  /** Default 5,000. */
  readonly handshake_ms: number;
  /** Connections of strangers' protocols. Default 64. */
  readonly connections: number;
  /** For a frame, and between two. Default 15,000. */
  readonly idle_ms: number;
  /** Default 64 KiB; a protocol's own limit may be lower. */
  readonly frame_bytes: number;
  /** Frames of any type, over one connection. Default 32. */
  readonly requests: number;
  /** From the beginning of a connection to its end. Default 60,000. */
  readonly life_ms: number;
}

const STRANGER_LIMITS: StrangerLimits = {
  handshakes: 128,
  perAddress: 16,
  handshake_ms: 5_000,
  connections: 64,
  idle_ms: 15_000,
  frame_bytes: 64 * 1024,
  requests: 32,
  life_ms: 60_000,
};

/** The kernel bounds it by net.core.somaxconn. */
const BACKLOG = 4_096;
const SWEEP_MS = 500;
/** From the first byte of a member's frame to its last. */
const MEMBER_FRAME_MS = 60_000;
/** A peer that does not read. */
const WRITE_STALL_MS = 10_000;
/** What may wait for a peer that does not read, beside one reply that is as large as it may be. */
const WRITE_LIMIT_BYTES = 64 * 1024 * 1024;
const STRANGER_WRITE_LIMIT_BYTES = 1024 * 1024;

export interface ListenerOptions extends Pick<AdmissionOptions, 'authorize'> {
  readonly credentials: CredentialsSource;
  readonly protocols: readonly Protocol[];
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly limits?: Partial<StrangerLimits>;
}

/**
 * Listens for TLS 1.3, and gives each connection to its protocol once it is known who is there. Nothing that comes over
 * the network makes it throw.
 */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #clock: Clock;
  readonly #limits: StrangerLimits;
  readonly #protocols: ReadonlyMap<string, Protocol>;
  readonly #log: LimitedLog;
  readonly #slots: HandshakeSlots;
  readonly #slotOf = new Map<string, Slot>();
  readonly #members = new Members();
  /** Connections that end with a refusal. */
  readonly #leaving = new Set<Connection>();
  readonly #tcp: Server;
  readonly #tls: TlsServer;
  readonly #unwatch: () => void;
  #sweep: Timer | undefined;
  #closed = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#limits = { ...STRANGER_LIMITS, ...options.limits };
    this.#protocols = new Map(options.protocols.map((protocol) => [protocol.name, protocol]));
    this.#log = new LimitedLog(options.logger, () => this.#clock.now_ms());
    this.#slots = new HandshakeSlots({
      total: this.#limits.handshakes,
      perAddress: this.#limits.perAddress,
    });
    const { credentials } = options;
    this.#tls = createTlsServer({
      ...contextOptions(credentials.current),
      requestCert: true,
      // A stranger gets a sentence, and not an alert.
      rejectUnauthorized: false,
      ALPNProtocols: [...this.#protocols.keys()],
      handshakeTimeout: this.#limits.handshake_ms,
    });
    this.#tls.on('secureConnection', (socket) => this.#onSecure(socket));
    this.#tls.on('tlsClientError', (error, socket) => {
      this.#refused('handshake', plainAddress(socket.remoteAddress), error.message);
      socket.destroy();
    });
    this.#unwatch = credentials.watch((next) => this.#tls.setSecureContext(contextOptions(next)));
    this.#tcp = createTcpServer({ noDelay: true }, (socket) => this.#onSocket(socket));
  }

  /** Resolves to the bound address. Rejects with `settings.invalid` if it cannot be had. */
  listen({ host, port }: HostAndPort): Promise<HostAndPort> {
    return new Promise((resolve, reject) => {
      const onError = (error: Error): void => {
        const where = formatAddress({ host, port });
        reject(new CofferError('settings.invalid', `cannot listen on ${where}: ${error.message}`));
      };
      this.#tcp.once('error', onError);
      this.#tcp.listen({ host, port, backlog: BACKLOG }, () => {
        this.#tcp.off('error', onError);
        // Out of file descriptors, say: those that are connected go on.
        this.#tcp.on('error', (error) => this.#refused('accept', '', error.message));
        this.#scheduleSweep();
        const bound = this.#tcp.address() as AddressInfo;
        resolve({ host: bound.address, port: bound.port });
      });
    });
  }

  /** Cuts every connection and listens no more. Resolves when all of them are gone. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#sweep?.cancel();
    this.#unwatch();
    const closed = new Promise<void>((resolve) => {
      this.#tcp.close(() => resolve());
    });
    const reason = new CofferError('transport.unreachable', 'this node is stopping');
    this.#slots.cutAll();
    this.#leaving.forEach((connection) => connection.destroy(reason));
    this.#members.cut(() => true, reason);
    await closed;
  }

  /** Cuts, at once, the connections of members for which `predicate` holds; how many those were. */
  cut(
    predicate: (peer: PeerIdentity, protocol: string) => boolean,
    reason: CofferError = new CofferError('transport.refused', 'the peer was cut off'),
  ): number {
    return this.#members.cut(({ peer }, protocol) => peer !== undefined && predicate(peer, protocol), reason);
  }

  get connections(): readonly OpenConnection[] {
    return this.#members.list();
  }

  /** How many were refused, by kind or by the code of the refusal. */
  get refusals(): Readonly<Record<string, number>> {
    return this.#log.counts;
  }

  /** Connections that have not yet shown who they are. */
  get handshakes(): number {
    return this.#slots.size;
  }

  #onSocket(socket: Socket): void {
    // The TLS socket around it has its own handler; this one is for what comes after it is gone.
    socket.on('error', () => undefined);
    const address = plainAddress(socket.remoteAddress);
    const key = endpointOf(socket);
    const slot: Slot = { address, since_ms: this.#clock.now_ms(), cut: () => socket.destroy() };
    if (this.#closed || socket.remoteAddress === undefined || !this.#slots.take(slot)) {
      this.#refused('too-many-handshakes', address, 'too many connections have not shown who they are');
      socket.destroy();
      return;
    }
    this.#slotOf.set(key, slot);
    socket.once('close', () => this.#releaseSlot(key));
    this.#tls.emit('connection', socket);
  }

  #releaseSlot(key: string): void {
    const slot = this.#slotOf.get(key);
    if (slot !== undefined) {
      this.#slotOf.delete(key);
      this.#slots.release(slot);
    }
  }

  #onSecure(socket: TLSSocket): void {
    if (socket.destroyed) {
      return;
    }
    const admission = admit(socket, {
      protocols: this.#protocols,
      authorize: this.#options.authorize,
      strangersFull: (address) => this.#strangersFull(address),
    });
    if (admission.kind === 'refused') {
      this.#refuse(socket, admission);
      return;
    }
    const { caller, protocol, peerName } = admission;
    const isMember = protocol.policy === 'member';
    const { frameLimit_bytes } = protocol.handler;
    const connection = new Connection(
      {
        socket,
        clock: this.#clock,
        peerName,
        frameLimit_bytes: isMember ? frameLimit_bytes : Math.min(frameLimit_bytes, this.#limits.frame_bytes),
        writeLimit_bytes: isMember ? WRITE_LIMIT_BYTES : STRANGER_WRITE_LIMIT_BYTES,
        ...(isMember ? {} : { frameCountMax: this.#limits.requests }),
      },
      { onFrame: () => undefined, onClose: () => undefined },
    );
    try {
      const events = protocol.handler.accept(connection, caller);
      connection.send(FRAME.accepted, undefined, { urgency: 'first' });
      this.#releaseSlot(endpointOf(socket));
      const remove = this.#members.add({ connection, protocol, caller });
      connection.attach({
        onFrame: (type, payload) => events.onFrame(type, payload),
        onClose: (reason) => {
          remove();
          events.onClose(reason);
        },
      });
    } catch (thrown) {
      this.#turnAway(connection, CofferError.from(thrown), caller.address);
    }
  }

  #refuse(socket: TLSSocket, { address, error, peerName }: Admission & { kind: 'refused' }): void {
    const connection = new Connection(
      { socket, clock: this.#clock, peerName, frameLimit_bytes: 0 },
      { onFrame: () => undefined, onClose: () => undefined },
    );
    this.#turnAway(connection, error, address);
  }

  /** Its slot is not given free before it is gone: also a refusal costs something. */
  #turnAway(connection: Connection, error: CofferError, address: string): void {
    this.#refused(error.code, address, error.detail, connection.peerName);
    this.#leaving.add(connection);
    connection.attach({
      onFrame: () => undefined,
      onClose: () => void this.#leaving.delete(connection),
    });
    connection.refuse(error);
  }

  #strangersFull(address: string): boolean {
    const { connections, perAddress } = this.#limits;
    const strangers = this.#members.strangers;
    return (
      strangers.length >= connections ||
      strangers.filter(({ caller }) => caller.address === address).length >= perAddress
    );
  }

  #refused(kind: string, address: string, reason: string, peer?: string): void {
    this.#log.warn(kind, 'refused a connection', { address, peer, reason });
  }

  #scheduleSweep(): void {
    this.#sweep = this.#clock.setTimer(SWEEP_MS, () => {
      this.#scheduleSweep();
      const now_ms = this.#clock.now_ms();
      this.#slots.expire(now_ms, this.#limits.handshake_ms);
      const { idle_ms, life_ms } = this.#limits;
      for (const { connection, protocol } of this.#members.all) {
        if (protocol.policy === 'member') {
          connection.showLife(now_ms, protocol.handler.quiet_ms ?? 0);
        }
        connection.check(
          now_ms,
          protocol.policy === 'stranger'
            ? { life_ms, idle_ms, frame_ms: idle_ms, write_ms: WRITE_STALL_MS }
            : { idle_ms: protocol.handler.idle_ms, frame_ms: MEMBER_FRAME_MS, write_ms: WRITE_STALL_MS },
        );
      }
    });
  }
}

function endpointOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
