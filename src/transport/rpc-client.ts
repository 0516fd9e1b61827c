// SPDX-License-Identifier: Apache-2.0
// The calling side of calls.
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { CofferError } from '../common/index.ts';
import { type Clock, systemClock, type Timer } from './clock.ts';
import type { Connection, ConnectionEvents } from './connection.ts';
import type { CredentialsSource } from './credentials.ts';
import { dial, type Verification } from './dial.ts';
import { FRAME, type FrameType, unexpectedFrame } from './frame.ts';
import { keepAlive } from './keep-alive.ts';
import { shownCertificates } from './peer-identity.ts';
import { decodeCallError, decodeResponse, encodeRequest, REPLY_OVERHEAD_BYTES } from './rpc-frames.ts';

const PING_MS = 2_000;
/** A server that sends nothing for this long, not even a pong, is taken for dead. */
const DEAD_MS = 6_000;
const ID_MAX = 0xffff_ffff;

export interface RpcClientLimits {
  /** Default 4 MiB. */
  readonly reply_bytes: number;
  /** Calls under way. Default 64. */
  readonly inFlight: number;
  /** Of a call, the time to connect included. Default 10,000. */
  readonly timeout_ms: number;
}

const RPC_CLIENT_LIMITS: RpcClientLimits = {
  reply_bytes: 4 * 1024 * 1024,
  inFlight: 64,
  timeout_ms: 10_000,
};

export interface RpcClientOptions {
  /** `host:port`, asked for anew for each connection. */
  readonly address: () => string;
  /** The ALPN name. */
  readonly protocol: string;
  /** Undefined: no certificate is shown. */
  readonly credentials: CredentialsSource | undefined;
  readonly verification: Verification;
  readonly clock?: Clock;
  readonly limits?: Partial<RpcClientLimits>;
  /** Overwrites the bodies of requests with zeros once they are written, or will not be. */
  readonly wipe?: boolean;
}

export interface CallOptions {
  /** Default: that of the client. */
  readonly timeout_ms?: number;
}

interface PendingCall {
  readonly id: number;
  readonly method: string;
  readonly body: Buffer;
  readonly timer: Timer;
  readonly resolve: (reply: Buffer) => void;
  readonly reject: (error: CofferError) => void;
  /** Then nobody knows whether it happened, unless an answer comes. */
  sent: boolean;
}

/** Calls over one connection, which is made when a call needs it, and kept. */
export class RpcClient {
  readonly #options: RpcClientOptions;
  readonly #limits: RpcClientLimits;
  readonly #clock: Clock;
  readonly #pending = new Map<number, PendingCall>();
  #connection: Connection | undefined;
  #server: readonly X509Certificate[] = [];
  #cancelDial: (() => void) | undefined;
  #lastId = 0;
  #closed = false;

  constructor(options: RpcClientOptions) {
    this.#options = options;
    this.#limits = { ...RPC_CLIENT_LIMITS, ...options.limits };
    this.#clock = options.clock ?? systemClock;
  }

  get isConnected(): boolean {
    return this.#connection?.isOpen ?? false;
  }

  /** The certificates that the server of the last connection has shown, its own first. */
  get serverCertificates(): readonly X509Certificate[] {
    return this.#server;
  }

  /**
   * Rejects with the error that the method has thrown; with the server's refusal of the connection; with
   * `cluster.rate-limited` if too many calls are under way; with `transport.unreachable` or `transport.timeout`, whose
   * sentence says whether the call may have happened. The reply may be a view of a larger buffer.
   */
  call(method: string, body: Buffer, options: CallOptions = {}): Promise<Buffer> {
    const { inFlight, timeout_ms: usual_ms } = this.#limits;
    if (this.#closed || this.#pending.size >= inFlight) {
      this.#wipe(body);
      return Promise.reject(
        this.#closed
          ? new CofferError('transport.unreachable', 'this node is stopping; the call was not made')
          : new CofferError('cluster.rate-limited', `${inFlight} calls to that node are under way already`),
      );
    }
    const timeout_ms = options.timeout_ms ?? usual_ms;
    return new Promise((resolve, reject) => {
      const id = this.#nextId();
      const timer = this.#clock.setTimer(timeout_ms, () => this.#expire(id, timeout_ms));
      const call: PendingCall = { id, method, body, timer, resolve, reject, sent: false };
      this.#pending.set(id, call);
      if (this.#connection?.isOpen === true) {
        this.#send(this.#connection, call);
      } else if (this.#connection === undefined) {
        this.#dial();
      }
    });
  }

  /** Rejects the calls under way, and cuts the connection. */
  close(): void {
    this.#closed = true;
    this.#cancelDial?.();
    const reason = new CofferError('transport.unreachable', 'the connection was closed by this node');
    this.#connection?.destroy(reason);
    this.#rejectAll(reason);
  }

  #nextId(): number {
    do {
      this.#lastId = this.#lastId === ID_MAX ? 1 : this.#lastId + 1;
    } while (this.#pending.has(this.#lastId));
    return this.#lastId;
  }

  #dial(): void {
    if (this.#cancelDial !== undefined || this.#closed) {
      return;
    }
    const { credentials, protocol, verification } = this.#options;
    this.#cancelDial = dial({
      address: this.#options.address(),
      protocol,
      credentials,
      verification,
      clock: this.#clock,
      frameLimit_bytes: this.#limits.reply_bytes + REPLY_OVERHEAD_BYTES,
      onAccepted: (connection, socket) => this.#onAccepted(connection, socket),
      onFailed: (error) => {
        this.#cancelDial = undefined;
        this.#rejectAll(error);
      },
    });
  }

  #onAccepted(connection: Connection, socket: TLSSocket): ConnectionEvents {
    this.#cancelDial = undefined;
    this.#connection = connection;
    this.#server = shownCertificates(socket);
    const stopKeepAlive = keepAlive({ connection, clock: this.#clock, ping_ms: PING_MS, dead_ms: DEAD_MS });
    for (const call of this.#pending.values()) {
      this.#send(connection, call);
    }
    return {
      onFrame: (type, payload) => this.#onFrame(type, payload),
      onClose: (reason) => {
        stopKeepAlive();
        this.#connection = undefined;
        this.#onBroken(reason);
      },
    };
  }

  #send(connection: Connection, call: PendingCall): void {
    call.sent = true;
    const wipe = this.#options.wipe ?? false;
    connection.send(FRAME.request, encodeRequest(call.id, call.method, call.body), { wipe });
    this.#wipe(call.body);
  }

  #onFrame(type: FrameType, payload: Buffer): void {
    if (type !== FRAME.response && type !== FRAME.error) {
      throw unexpectedFrame(type);
    }
    const { id, body } = decodeResponse(payload);
    const call = this.#take(id);
    // Without one, the answer comes after the caller has given up.
    if (type === FRAME.response) {
      call?.resolve(body);
    } else {
      call?.reject(decodeCallError(body));
    }
  }

  /** What was sent has an unknown fate; what was not goes over the next connection. */
  #onBroken(reason: CofferError): void {
    for (const call of this.#pending.values()) {
      if (call.sent) {
        this.#take(call.id)?.reject(withFate(reason, call));
      }
    }
    if (this.#pending.size > 0) {
      this.#dial();
    }
  }

  #rejectAll(reason: CofferError): void {
    for (const call of this.#pending.values()) {
      this.#take(call.id)?.reject(withFate(reason, call));
    }
  }

  #expire(id: number, timeout_ms: number): void {
    const call = this.#take(id);
    call?.reject(
      new CofferError(
        'transport.timeout',
        call.sent
          ? `the other node did not answer ${call.method} within ${timeout_ms} ms; it may have happened all the same`
          : `the other node was not connected within ${timeout_ms} ms; ${call.method} was not sent`,
      ),
    );
  }

  #take(id: number): PendingCall | undefined {
    const call = this.#pending.get(id);
    this.#pending.delete(id);
    call?.timer.cancel();
    if (call !== undefined) {
      this.#wipe(call.body);
    }
    return call;
  }

  #wipe(body: Buffer): void {
    if (this.#options.wipe === true) {
      body.fill(0);
    }
  }
}

/** The reason of a broken connection, as the reason of a call over it. */
function withFate(reason: CofferError, { method, sent }: PendingCall): CofferError {
  return sent
    ? new CofferError(reason.code, `${reason.detail}; ${method} may have happened all the same`, {
        cause: reason,
        ...(reason.hint === undefined ? {} : { hint: reason.hint }),
      })
    : reason;
}
