// SPDX-License-Identifier: Apache-2.0
// The receiving side of streams.
import { CofferError, invariant } from '../common/index.ts';
import type { Connection, ConnectionEvents } from './connection.ts';
import { FRAME, type FrameType, unexpectedFrame } from './frame.ts';
import type { PeerIdentity } from './peer-identity.ts';
import type { ProtocolHandler } from './protocol.ts';
import { travellingError } from './refusal.ts';

/** The most that one chunk frame holds. */
export const CHUNK_BYTES_MAX = 1024 * 1024;
const HEADER_BYTES_MAX = 64 * 1024;
const STALL_MS = 10_000;
const STREAMS_PER_PEER = 2;

export interface StreamHandlerOptions {
  /**
   * Takes a stream in. While it does not draw from `chunks`, the sender waits. `chunks` throws when the stream breaks off;
   * it can be iterated once. What `receive` throws reaches the sender as the error of a call does; once it resolves, the sender
   * is told that all is well, also if it has not drawn everything.
   */
  readonly receive: (peer: PeerIdentity, header: Buffer, chunks: AsyncIterable<Buffer>) => Promise<void>;
  /** Streams at a time; one more is refused with `cluster.rate-limited`. Default 2. */
  readonly streamsPerPeer?: number;
  /** A sender that sends nothing for this long, while it is waited for, is cut. Default 10,000. */
  readonly stall_ms?: number;
}

/** For a protocol of policy `member`. */
export function streamHandler(options: StreamHandlerOptions): ProtocolHandler {
  const { stall_ms = STALL_MS, streamsPerPeer = STREAMS_PER_PEER } = options;
  const running = new Map<string, number>();
  return {
    frameLimit_bytes: CHUNK_BYTES_MAX,
    idle_ms: stall_ms,
    connectionsPerPeer: Number.POSITIVE_INFINITY,
    accept: (connection, { peer }) => {
      if (peer === undefined) {
        throw new CofferError('transport.refused', 'streams are taken from members only');
      }
      const count = running.get(peer.nodeId) ?? 0;
      if (count >= streamsPerPeer) {
        throw new CofferError('cluster.rate-limited', `${count} streams of this node are being taken in`, {
          hint: 'Wait until one of them has ended.',
        });
      }
      running.set(peer.nodeId, count + 1);
      const release = (): void => {
        const left = (running.get(peer.nodeId) ?? 1) - 1;
        if (left === 0) {
          running.delete(peer.nodeId);
        } else {
          running.set(peer.nodeId, left);
        }
      };
      return new StreamReceiver(connection, {
        receive: (header, chunks) => options.receive(peer, header, chunks),
        release,
      });
    },
  };
}

interface ReceiverOptions {
  readonly receive: (header: Buffer, chunks: AsyncIterable<Buffer>) => Promise<void>;
  /** Called once, when neither the connection nor the handler goes on. */
  readonly release: () => void;
}

class StreamReceiver implements ConnectionEvents {
  readonly #connection: Connection;
  readonly #options: ReceiverOptions;
  readonly #chunks: ChunkQueue;
  #handling: Promise<void> | undefined;
  #complete = false;

  constructor(connection: Connection, options: ReceiverOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#chunks = new ChunkQueue(connection);
  }

  onFrame(type: FrameType, payload: Buffer): void {
    const hasBegun = this.#handling !== undefined;
    if (type === FRAME.header && !hasBegun && payload.length <= HEADER_BYTES_MAX) {
      this.#handling = this.#handle(payload);
    } else if (type === FRAME.chunk && hasBegun && !this.#complete) {
      this.#chunks.push(payload);
    } else if (type === FRAME.end && hasBegun && !this.#complete) {
      this.#complete = true;
      this.#chunks.end();
    } else {
      throw unexpectedFrame(type);
    }
  }

  onClose(reason: CofferError): void {
    this.#chunks.fail(reason);
    void (this.#handling ?? Promise.resolve()).finally(this.#options.release);
  }

  /** Never rejects. */
  async #handle(header: Buffer): Promise<void> {
    try {
      await this.#options.receive(header, this.#chunks);
      const reason = new CofferError('transport.unreachable', 'the stream has ended');
      this.#connection.finish(FRAME.ack, undefined, reason);
    } catch (thrown) {
      this.#connection.refuse(travellingError(thrown));
    }
  }
}

/** The chunks between the socket and who draws them: when one waits, the socket is paused. */
class ChunkQueue implements AsyncIterable<Buffer>, AsyncIterator<Buffer, undefined> {
  readonly #connection: Connection;
  #queue: Buffer[] = [];
  #waiter:
    | { resolve(result: IteratorResult<Buffer, undefined>): void; reject(error: CofferError): void }
    | undefined;
  #ending: 'complete' | 'left' | CofferError | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  push(chunk: Buffer): void {
    const waiter = this.#waiter;
    if (waiter !== undefined) {
      this.#waiter = undefined;
      waiter.resolve({ done: false, value: chunk });
    } else if (this.#ending === undefined) {
      this.#queue.push(chunk);
      this.#connection.pause();
    }
  }

  /** All has come. Nothing more is expected of the socket: its silence is not idleness. */
  end(): void {
    this.#ending ??= 'complete';
    this.#waiter?.resolve({ done: true, value: undefined });
    this.#waiter = undefined;
    this.#connection.pause();
  }

  fail(error: CofferError): void {
    if (this.#ending === undefined) {
      this.#ending = error;
      this.#queue = [];
      this.#waiter?.reject(error);
      this.#waiter = undefined;
    }
  }

  next(): Promise<IteratorResult<Buffer, undefined>> {
    invariant(this.#waiter === undefined, 'one chunk is drawn at a time');
    const value = this.#queue.shift();
    if (value !== undefined) {
      return Promise.resolve({ done: false, value });
    }
    if (this.#ending instanceof CofferError) {
      return Promise.reject(this.#ending);
    }
    if (this.#ending !== undefined) {
      return Promise.resolve({ done: true, value: undefined });
    }
    this.#connection.resume();
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
    });
  }

  /** Whoever draws has enough. */
  return(): Promise<IteratorResult<Buffer, undefined>> {
    this.#ending ??= 'left';
    this.#queue = [];
    return Promise.resolve({ done: true, value: undefined });
  }
}
