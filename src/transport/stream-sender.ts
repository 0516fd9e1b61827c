// SPDX-License-Identifier: Apache-2.0
// The sending side of streams: much data in one direction, over a connection of its own.
import { CofferError } from '../common/index.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Connection, ConnectionEvents } from './connection.ts';
import type { CredentialsSource } from './credentials.ts';
import { dial } from './dial.ts';
import { FRAME, type FrameType, unexpectedFrame } from './frame.ts';
import type { ExpectedIdentity } from './peer-identity.ts';
import { StallWatch } from './stall-watch.ts';
import { CHUNK_BYTES_MAX } from './stream-handler.ts';

/** The receiver takes nothing, or the chunks do not come. */
const STALL_MS = 10_000;
/** Until the receiver is done with a stream that it has all of. */
const ACK_MS = 60_000;

export interface SendStreamOptions {
  /** `host:port`. */
  readonly address: string;
  /** The ALPN name. */
  readonly protocol: string;
  readonly credentials: CredentialsSource;
  readonly expect: ExpectedIdentity;
  /** At most 64 KiB. */
  readonly header: Buffer;
  /** One is drawn when the one before is written. Those beyond 1 MiB are sent in pieces; empty ones are not sent. */
  readonly chunks: AsyncIterable<Buffer>;
  /** Overwrites chunks with zeros once they are written. */
  readonly wipe?: boolean;
  readonly clock?: Clock;
  /** Default 10,000. */
  readonly stall_ms?: number;
  /** Default 60,000. */
  readonly ack_ms?: number;
}

/**
 * Resolves when the receiver's handler has resolved; it may do so before it has drawn everything. Rejects with the handler's
 * error, the refusal of the connection, what `chunks` throws, or `transport.unreachable` or `transport.timeout`. `chunks` is
 * ended in any case.
 */
export function sendStream(options: SendStreamOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const sender = new StreamSender(options, (error) => {
      if (error === undefined) {
        resolve();
      } else {
        reject(error);
      }
    });
    sender.start();
  });
}

class StreamSender {
  readonly #options: SendStreamOptions;
  readonly #clock: Clock;
  readonly #onSettled: (error: CofferError | undefined) => void;
  readonly #iterator: AsyncIterator<Buffer>;
  #connection: Connection | undefined;
  #watch: StallWatch | undefined;
  #settled = false;
  #release: (() => void) | undefined;

  constructor(options: SendStreamOptions, onSettled: (error: CofferError | undefined) => void) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#onSettled = onSettled;
    this.#iterator = options.chunks[Symbol.asyncIterator]();
  }

  start(): void {
    const { address, credentials, expect, protocol } = this.#options;
    dial({
      address,
      protocol,
      credentials,
      verification: { kind: 'member', expect },
      clock: this.#clock,
      frameLimit_bytes: 0,
      onAccepted: (connection) => this.#onAccepted(connection),
      onFailed: (error) => this.#settle(error),
    });
  }

  #onAccepted(connection: Connection): ConnectionEvents {
    this.#connection = connection;
    this.#watchFor(this.#options.stall_ms ?? STALL_MS, 'made no progress');
    this.#pump(connection).catch((thrown: unknown) => this.#settle(CofferError.from(thrown)));
    return {
      onFrame: (type: FrameType) => {
        if (type !== FRAME.ack) {
          throw unexpectedFrame(type);
        }
        this.#settle(undefined);
      },
      onClose: (reason) => this.#settle(reason),
    };
  }

  async #pump(connection: Connection): Promise<void> {
    await this.#sendAndDrain(connection, FRAME.header, this.#options.header, false);
    for (;;) {
      const next = await this.#nextChunk();
      if (next === undefined || !connection.isOpen) {
        // Settled, or it will be once the connection has closed: a source that never waits would keep that from happening.
        return;
      }
      if (next.done === true) {
        break;
      }
      for (let offset = 0; offset < next.value.length; offset += CHUNK_BYTES_MAX) {
        const piece = next.value.subarray(offset, offset + CHUNK_BYTES_MAX);
        await this.#sendAndDrain(connection, FRAME.chunk, piece, this.#options.wipe ?? false);
      }
    }
    connection.send(FRAME.end);
    await connection.drained();
    if (!this.#settled) {
      this.#watchFor(this.#options.ack_ms ?? ACK_MS, 'did not say that it is done with it');
    }
  }

  async #sendAndDrain(
    connection: Connection,
    type: FrameType,
    payload: Buffer,
    wipe: boolean,
  ): Promise<void> {
    connection.send(type, payload, { wipe });
    await connection.drained();
    this.#watch?.progress();
  }

  /** The next chunk, or undefined as soon as the stream is settled, whatever its source does. */
  #nextChunk(): Promise<IteratorResult<Buffer, unknown> | undefined> {
    return new Promise((resolve, reject) => {
      this.#release = () => resolve(undefined);
      if (this.#settled) {
        resolve(undefined);
        return;
      }
      this.#iterator.next().then(resolve, reject);
    });
  }

  #watchFor(timeout_ms: number, how: string): void {
    this.#watch?.stop();
    this.#watch = new StallWatch(this.#clock, timeout_ms, () =>
      this.#settle(
        new CofferError(
          'transport.timeout',
          `a stream to ${this.#connection?.peerName ?? 'a node'} ${how} within ${timeout_ms} ms`,
        ),
      ),
    );
  }

  #settle(error: CofferError | undefined): void {
    if (this.#settled) {
      return;
    }
    this.#settled = true;
    this.#watch?.stop();
    this.#connection?.destroy(error ?? new CofferError('transport.unreachable', 'the stream has ended'));
    this.#release?.();
    void this.#endSource();
    this.#onSettled(error);
  }

  /** Never rejects, and is not waited for: a source may hang. */
  async #endSource(): Promise<void> {
    try {
      await this.#iterator.return?.();
    } catch {
      // The stream has another outcome already.
    }
  }
}
