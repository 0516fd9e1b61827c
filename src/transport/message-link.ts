// SPDX-License-Identifier: Apache-2.0
// Messages that may be lost, to one peer, over a connection that is made again whenever it breaks.
import { CofferError, type Logger, unreachable } from '../common/index.ts';
import { type Clock, systemClock, type Timer } from './clock.ts';
import type { Connection } from './connection.ts';
import type { CredentialsSource } from './credentials.ts';
import { dial } from './dial.ts';
import { FRAME, type FrameType, unexpectedFrame } from './frame.ts';
import type { Urgency } from './frame-writer.ts';
import { keepAlive } from './keep-alive.ts';
import type { ExpectedIdentity } from './peer-identity.ts';

export interface MessageLinkLimits {
  /** What may wait to be written. Default 32 MiB. */
  readonly queue_bytes: number;
  /** Default 4,096. */
  readonly queueCount: number;
  /** Default 500. */
  readonly ping_ms: number;
  /** A peer that sends nothing for this long is taken for dead. Default 2,000. */
  readonly dead_ms: number;
  /** Between two attempts to connect: this at first, then twice as much each time. Default 50. */
  readonly backoffMin_ms: number;
  /** Default 2,000. */
  readonly backoffMax_ms: number;
  /** A connection that lived as long as this was a good one. Default 5,000. */
  readonly stable_ms: number;
}

const MESSAGE_LINK_LIMITS: MessageLinkLimits = {
  queue_bytes: 32 * 1024 * 1024,
  queueCount: 4_096,
  ping_ms: 500,
  dead_ms: 2_000,
  backoffMin_ms: 50,
  backoffMax_ms: 2_000,
  stable_ms: 5_000,
};

export interface MessageLinkOptions {
  /** `host:port`, asked for anew at each attempt. */
  readonly address: () => string;
  /** The ALPN name. */
  readonly protocol: string;
  readonly credentials: CredentialsSource;
  readonly expect: ExpectedIdentity;
  readonly logger: Logger;
  /** From 0 to below 1; for the jitter. */
  readonly random: () => number;
  readonly clock?: Clock;
  /** Overwrites each payload with zeros when the link is done with it. */
  readonly wipe?: boolean;
  readonly limits?: Partial<MessageLinkLimits>;
  readonly onUp?: () => void;
  /**
   * The link was up and is not any more, or an attempt has failed for another reason (by its code) than was told last. A
   * refusal of the peer is in its own words.
   */
  readonly onDown?: (reason: CofferError) => void;
  /** A message was dropped before it was written. */
  readonly onLost?: () => void;
}

type State =
  | { readonly kind: 'waiting'; readonly timer: Timer }
  | { readonly kind: 'dialing'; readonly address: string; readonly cancel: () => void }
  | {
      readonly kind: 'up';
      readonly address: string;
      readonly connection: Connection;
      readonly since_ms: number;
      readonly stopKeepAlive: () => void;
    }
  | { readonly kind: 'closed' };

/** Connects at once, and until `close` again and again. No call of it throws or waits. */
export class MessageLink {
  readonly #options: MessageLinkOptions;
  readonly #limits: MessageLinkLimits;
  readonly #clock: Clock;
  #state: State;
  #failures = 0;
  #lastReason: CofferError | undefined;

  constructor(options: MessageLinkOptions) {
    this.#options = options;
    this.#limits = { ...MESSAGE_LINK_LIMITS, ...options.limits };
    this.#clock = options.clock ?? systemClock;
    this.#state = this.#dial();
  }

  get isUp(): boolean {
    return this.#state.kind === 'up';
  }

  /** Why it is not up, as far as that is known. */
  get lastReason(): CofferError | undefined {
    return this.#lastReason;
  }

  /**
   * Takes a message over, to be written soon: true. False if it was dropped, since the link is down or too much waits.
   * A message that was taken may be lost all the same. The payload belongs to the link from here on.
   */
  send(payload: Buffer, urgency: Urgency = 'soon'): boolean {
    const state = this.#state;
    const wipe = this.#options.wipe ?? false;
    if (state.kind !== 'up' || !state.connection.isOpen || this.#isFull(state.connection, payload)) {
      if (wipe) {
        payload.fill(0);
      }
      this.#options.onLost?.();
      return false;
    }
    state.connection.send(FRAME.data, payload, { wipe, urgency });
    return true;
  }

  /** Tries at once, if it is not connected; connects anew if the peer's address is another one by now. */
  nudge(): void {
    const state = this.#state;
    switch (state.kind) {
      case 'waiting':
        state.timer.cancel();
        this.#failures = 0;
        this.#state = this.#dial();
        return;
      case 'dialing':
        if (state.address !== this.#options.address()) {
          state.cancel();
          this.#failures = 0;
          this.#state = this.#dial();
        }
        return;
      case 'up':
        if (state.address !== this.#options.address()) {
          this.#failures = 0;
          state.connection.destroy(
            new CofferError('transport.unreachable', `${state.connection.peerName} has another address now`),
          );
        }
        return;
      case 'closed':
        return;
      default:
        unreachable(state);
    }
  }

  /** Cuts the connection. No callback is called any more. */
  close(): void {
    const state = this.#state;
    this.#state = { kind: 'closed' };
    switch (state.kind) {
      case 'waiting':
        state.timer.cancel();
        return;
      case 'dialing':
        state.cancel();
        return;
      case 'up':
        state.stopKeepAlive();
        state.connection.destroy(new CofferError('transport.unreachable', 'the link was closed'));
        return;
      case 'closed':
        return;
      default:
        unreachable(state);
    }
  }

  #isFull(connection: Connection, payload: Buffer): boolean {
    return (
      connection.queuedFrames >= this.#limits.queueCount ||
      connection.queued_bytes + payload.length > this.#limits.queue_bytes
    );
  }

  #dial(): State {
    const address = this.#options.address();
    const cancel = dial({
      address,
      protocol: this.#options.protocol,
      credentials: this.#options.credentials,
      verification: { kind: 'member', expect: this.#options.expect },
      clock: this.#clock,
      frameLimit_bytes: 0,
      onAccepted: (connection) => {
        this.#up(address, connection);
        return {
          onFrame: (type: FrameType) => {
            throw unexpectedFrame(type);
          },
          onClose: (reason) => this.#broken(reason),
        };
      },
      onFailed: (error) => this.#down(error),
    });
    return { kind: 'dialing', address, cancel };
  }

  #up(address: string, connection: Connection): void {
    const { ping_ms, dead_ms } = this.#limits;
    this.#state = {
      kind: 'up',
      address,
      connection,
      since_ms: this.#clock.now_ms(),
      stopKeepAlive: keepAlive({ connection, clock: this.#clock, ping_ms, dead_ms }),
    };
    this.#lastReason = undefined;
    this.#options.logger.info('connected to a peer', { peer: connection.peerName, address });
    this.#options.onUp?.();
  }

  #broken(reason: CofferError): void {
    const state = this.#state;
    if (state.kind !== 'up') {
      return;
    }
    state.stopKeepAlive();
    if (this.#clock.now_ms() - state.since_ms >= this.#limits.stable_ms) {
      this.#failures = 0;
    }
    this.#down(reason);
  }

  #down(reason: CofferError): void {
    const { logger, onDown, random } = this.#options;
    const { backoffMax_ms, backoffMin_ms } = this.#limits;
    const isNews = this.#lastReason?.code !== reason.code;
    this.#lastReason = reason;
    const backoff_ms = Math.min(backoffMax_ms, backoffMin_ms * 2 ** Math.min(this.#failures, 16));
    this.#failures += 1;
    const delay_ms = backoff_ms / 2 + (backoff_ms / 2) * random();
    const timer = this.#clock.setTimer(delay_ms, () => {
      this.#state = this.#dial();
    });
    this.#state = { kind: 'waiting', timer };
    if (isNews) {
      logger.warn('not connected to a peer', {
        peer: this.#options.expect.nodeId,
        reason: reason.message,
      });
      onDown?.(reason);
    }
  }
}
