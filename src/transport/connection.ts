// SPDX-License-Identifier: Apache-2.0
import type { TLSSocket } from 'node:tls';
import { CofferError, systemErrorCode } from '../common/index.ts';
import type { Clock, Timer } from './clock.ts';
import { FRAME, FrameDecoder, type FrameType, invalidFrame } from './frame.ts';
import { FrameWriter, type SendOptions } from './frame-writer.ts';
import { encodeRefusal } from './refusal.ts';

/** How long a connection that ends with a refusal waits for the other side to read it. */
const LINGER_MS = 1_000;

/** What is made of a connection. */
export interface ConnectionEvents {
  /** Each frame but ping and pong. What it throws is told to the other side, and ends the connection. */
  onFrame(type: FrameType, payload: Buffer): void;
  /** Called once, when the connection is no more. */
  onClose(reason: CofferError): void;
}

export interface ConnectionOptions {
  readonly socket: TLSSocket;
  readonly clock: Clock;
  /** The other side, for sentences: `node N1`. */
  readonly peerName: string;
  /** The largest payload of a frame that is taken. */
  readonly frameLimit_bytes: number;
  /** A peer for which more than this waits, since it does not read, is cut. Default: no limit. */
  readonly writeLimit_bytes?: number;
  /** After this many frames, of any type, the peer is cut. Default: no limit. */
  readonly frameCountMax?: number;
}

/** Bounds of a connection's silence, and of its life, for `check`. */
export interface ConnectionLimits {
  /** From its beginning. Default: no limit. */
  readonly life_ms?: number;
  /** Without a single byte. */
  readonly idle_ms: number;
  /** From the first byte of a frame to its last. */
  readonly frame_ms: number;
  /** While the socket does not take what was written. */
  readonly write_ms: number;
}

/**
 * One TLS connection, cut into frames. It answers pings, never throws, and whatever happens to the socket ends in one call of
 * `onClose`.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #decoder: FrameDecoder;
  readonly #writer: FrameWriter;
  #events: ConnectionEvents;
  #reason: CofferError | undefined;
  #isEnding = false;
  #linger: Timer | undefined;
  #drainWaiters: (() => void)[] = [];
  #frames = 0;
  readonly #begun_ms: number;
  #received_ms: number;
  #sent_ms: number;
  #writeProgress_ms: number;
  #frameBegun_ms: number | undefined;
  #pongDue = false;

  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    this.#options = options;
    this.#events = events;
    const { clock, frameLimit_bytes, socket } = options;
    const now_ms = clock.now_ms();
    this.#begun_ms = now_ms;
    this.#received_ms = now_ms;
    this.#sent_ms = now_ms;
    this.#writeProgress_ms = now_ms;
    this.#decoder = new FrameDecoder({
      limit_bytes: frameLimit_bytes,
      onFrame: (type, payload) => this.#onFrame(type, payload),
    });
    this.#writer = new FrameWriter(socket, {
      onProgress: () => {
        this.#writeProgress_ms = clock.now_ms();
      },
      onIdle: () => this.#releaseDrainWaiters(),
    });
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('error', (error) => {
      this.#reason ??= this.#broken(systemErrorCode(error) ?? 'a TLS error');
    });
    socket.on('end', () => {
      // While it ends with a last frame, that one is still to be written.
      if (!this.#isEnding) {
        socket.destroy();
      }
    });
    socket.on('close', () => this.#onClose());
  }

  get peerName(): string {
    return this.#options.peerName;
  }

  /** When the last byte came. */
  get received_ms(): number {
    return this.#received_ms;
  }

  /** When the last frame was sent. */
  get sent_ms(): number {
    return this.#sent_ms;
  }

  get queued_bytes(): number {
    return this.#writer.queued_bytes;
  }

  get queuedFrames(): number {
    return this.#writer.queuedFrames;
  }

  /** When the socket last took something that was written. */
  get writeProgress_ms(): number {
    return this.#writeProgress_ms;
  }

  /** False from the moment on at which it was cut, refused or broken. */
  get isOpen(): boolean {
    return !this.#isEnding && !this.#options.socket.destroyed;
  }

  /** From now on, frames go to `events`. */
  attach(events: ConnectionEvents): void {
    this.#events = events;
  }

  send(type: FrameType, payload?: Buffer, options?: SendOptions): void {
    if (this.#writer.isIdle) {
      this.#writeProgress_ms = this.#options.clock.now_ms();
    }
    this.#sent_ms = this.#options.clock.now_ms();
    this.#writer.send(type, payload, options);
    const { writeLimit_bytes } = this.#options;
    if (writeLimit_bytes !== undefined && this.#writer.queued_bytes > writeLimit_bytes) {
      this.destroy(this.#broken(`more than ${writeLimit_bytes} bytes wait, which it does not read`));
    }
  }

  /** Resolves when the socket has taken all that was sent, or the connection is no more. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#writer.isIdle || !this.isOpen) {
        resolve();
      } else {
        this.#drainWaiters.push(resolve);
      }
    });
  }

  /** Takes nothing from the socket, so that the other side has to wait. */
  pause(): void {
    this.#options.socket.pause();
  }

  resume(): void {
    const now_ms = this.#options.clock.now_ms();
    this.#received_ms = now_ms;
    this.#frameBegun_ms = this.#decoder.isInsideFrame ? now_ms : undefined;
    this.#options.socket.resume();
  }

  /** Tells the other side why, and ends the connection. What was sent before is still written, what comes is dropped. */
  refuse(error: CofferError): void {
    this.finish(FRAME.refused, encodeRefusal(error), error);
  }

  /** Ends the connection with one last frame, as `refuse` does. */
  finish(type: FrameType, payload: Buffer | undefined, reason: CofferError): void {
    const { clock, socket } = this.#options;
    if (!this.isOpen) {
      return;
    }
    this.#writer.send(type, payload);
    this.#writer.flushNow();
    this.#end(reason);
    socket.end();
    // Closing a socket with unread bytes in it would take the last frame from the other side.
    socket.resume();
    this.#linger = clock.setTimer(LINGER_MS, () => socket.destroy());
  }

  /** Cuts the connection at once. */
  destroy(reason: CofferError): void {
    this.#end(reason);
    this.#writer.stop();
    this.#options.socket.destroy();
  }

  /** Cuts a connection that has exceeded one of `limits`. */
  check(now_ms: number, limits: ConnectionLimits): void {
    const { socket } = this.#options;
    const { life_ms } = limits;
    if (!this.isOpen) {
      return;
    }
    if (life_ms !== undefined && now_ms - this.#begun_ms > life_ms) {
      this.refuse(connectAgain(`this connection has been open for ${life_ms} ms`));
    } else if (this.#writer.isWriting && now_ms - this.#writeProgress_ms > limits.write_ms) {
      this.destroy(this.#broken(`it has read nothing for ${limits.write_ms} ms`));
    } else if (socket.isPaused()) {
      // Nobody looks at what has arrived.
    } else if (now_ms - this.#received_ms > limits.idle_ms) {
      this.destroy(this.#broken(`it has sent nothing for ${limits.idle_ms} ms`));
    } else if (this.#frameBegun_ms !== undefined && now_ms - this.#frameBegun_ms > limits.frame_ms) {
      this.refuse(invalidFrame(`a frame that was not complete after ${limits.frame_ms} ms`));
    }
  }

  /** Lets the other side know that this one lives, if it was sent nothing for that long: it may be sending a frame that takes long. */
  showLife(now_ms: number, quiet_ms: number): void {
    const isQuiet = this.#received_ms > this.#sent_ms && now_ms - this.#sent_ms >= quiet_ms;
    if (this.isOpen && isQuiet && this.#writer.isIdle) {
      this.send(FRAME.pong);
    }
  }

  #onData(chunk: Buffer): void {
    if (this.#isEnding) {
      return;
    }
    this.#received_ms = this.#options.clock.now_ms();
    try {
      this.#decoder.push(chunk);
    } catch (thrown) {
      this.refuse(CofferError.from(thrown));
    }
    if (!this.#decoder.isInsideFrame) {
      this.#frameBegun_ms = undefined;
    } else {
      this.#frameBegun_ms ??= this.#received_ms;
    }
    if (this.#pongDue) {
      this.#pongDue = false;
      this.send(FRAME.pong, undefined, { urgency: 'first' });
    }
  }

  #onFrame(type: FrameType, payload: Buffer): void {
    this.#frames += 1;
    this.#frameBegun_ms = undefined;
    const { frameCountMax } = this.#options;
    if (frameCountMax !== undefined && this.#frames > frameCountMax) {
      throw connectAgain(`${frameCountMax} requests were made over this connection`);
    }
    if (type === FRAME.ping) {
      // One answer for all pings of a chunk, so that pings cost the other side as much as they cost this one.
      this.#pongDue = true;
    } else if (type !== FRAME.pong) {
      this.#events.onFrame(type, payload);
    }
  }

  #end(reason: CofferError): void {
    this.#isEnding = true;
    this.#reason ??= reason;
    this.#decoder.stop();
    this.#releaseDrainWaiters();
  }

  #onClose(): void {
    this.#linger?.cancel();
    const reason = (this.#reason ??= this.#broken('it was closed'));
    this.#end(reason);
    this.#writer.stop();
    this.#events.onClose(reason);
  }

  #releaseDrainWaiters(): void {
    const waiters = this.#drainWaiters;
    this.#drainWaiters = [];
    waiters.forEach((resolve) => resolve());
  }

  #broken(how: string): CofferError {
    return new CofferError(
      'transport.unreachable',
      `the connection with ${this.#options.peerName} broke: ${how}`,
    );
  }
}

/** Its place is for others now. */
function connectAgain(why: string): CofferError {
  return new CofferError('cluster.rate-limited', why, { hint: 'Connect again.' });
}
