// SPDX-License-Identifier: Apache-2.0
import { CofferError, type Logger } from '../../common/index.ts';
import type { Timer } from '../../transport/index.ts';
import type { Connector } from './connector.ts';
import { Session, type SessionOptions } from './session.ts';

const PAUSE_MIN_MS = 50;
const PAUSE_MAX_MS = 2_000;
/** A manager that leads next is one of a few, and they are asked in turn. */
const NOT_LEADER_PAUSE_MAX_MS = 500;
/** A node that registers too often is let in again when it has waited. */
const RATE_LIMITED_PAUSE_MS = 4_000;
/** A session that ends sooner counts as an attempt that failed. */
const STABLE_MS = 5_000;

export interface SessionKeeperOptions extends Omit<SessionOptions, 'onEnd'> {
  readonly connector: Connector;
  /** A session that the leader had answered has ended. */
  readonly onLost: () => void;
  /** A manager has said that this node was removed from the cluster. */
  readonly onRemoved: (reason: CofferError) => void;
  readonly logger: Logger;
}

export interface SessionStatus {
  /** The manager that has answered the registration. */
  readonly manager: string | undefined;
  /** When it did, on the clock of the keeper. */
  readonly since_ms: number | undefined;
  /** Why there is no session. */
  readonly problem: CofferError | undefined;
}

/** Keeps this node in a session with the leader, from `start` until `stop`. */
export class SessionKeeper {
  readonly #options: SessionKeeperOptions;
  #session: Session | undefined;
  #since_ms: number | undefined;
  #problem: CofferError | undefined;
  #failures = 0;
  #pause: Timer | undefined;
  #isStopped = false;

  constructor(options: SessionKeeperOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#connect();
  }

  stop(): void {
    this.#isStopped = true;
    this.#pause?.cancel();
    this.#session?.end(new CofferError('transport.unreachable', 'the node is stopping'));
  }

  /** Tells the leader what runs here, if that is something else than it was told. */
  report(): void {
    this.#session?.report();
  }

  get status(): SessionStatus {
    return {
      manager: this.#since_ms === undefined ? undefined : (this.#options.connector.manager ?? 'a manager'),
      since_ms: this.#since_ms,
      problem: this.#problem,
    };
  }

  async #connect(): Promise<void> {
    const { connector, onLost: _onLost, onRemoved: _onRemoved, logger: _logger, ...rest } = this.#options;
    const session = new Session({
      ...rest,
      onRegistered: () => this.#onRegistered(),
      onEnd: (reason) => this.#onEnd(reason),
    });
    this.#session = session;
    try {
      session.begin(await connector.open(session));
    } catch (thrown) {
      session.end(CofferError.from(thrown));
    }
  }

  #onRegistered(): void {
    const { clock, connector, logger, onRegistered } = this.#options;
    this.#since_ms = clock.now_ms();
    this.#problem = undefined;
    logger.info('the leader knows what runs on this node', { manager: connector.manager });
    onRegistered();
  }

  #onEnd(reason: CofferError): void {
    const { clock, logger, onLost, onRemoved } = this.#options;
    const since_ms = this.#since_ms;
    this.#session = undefined;
    this.#since_ms = undefined;
    if (this.#isStopped) {
      return;
    }
    if (reason.code === 'cluster.node-removed' && this.#problem?.code !== reason.code) {
      onRemoved(reason);
    }
    if (this.#problem?.code !== reason.code) {
      logger.warn('there is no session with the leader', { problem: reason.message });
    }
    this.#problem = reason;
    this.#failures =
      since_ms !== undefined && clock.now_ms() - since_ms >= STABLE_MS ? 0 : this.#failures + 1;
    this.#pause = clock.setTimer(this.#pause_ms(reason), () => void this.#connect());
    if (since_ms !== undefined) {
      onLost();
    }
  }

  #pause_ms(reason: CofferError): number {
    // From half of it to all: nodes that have lost the same leader do not come back at once.
    const jitter = 0.5 + this.#options.random() / 2;
    if (reason.code === 'cluster.rate-limited') {
      return RATE_LIMITED_PAUSE_MS * jitter;
    }
    const longest_ms = reason.code === 'cluster.not-leader' ? NOT_LEADER_PAUSE_MAX_MS : PAUSE_MAX_MS;
    return Math.min(longest_ms, PAUSE_MIN_MS * 2 ** Math.min(this.#failures, 10)) * jitter;
  }
}
