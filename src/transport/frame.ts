// SPDX-License-Identifier: Apache-2.0
// The frames of every connection between nodes. Integers are unsigned and big-endian.
//
//   length    u32   of type and payload together: 1 to 1 + the connection's limit
//   type      u8    one of those below
//   payload
//
//   type           sent by    payload
//   1  data        either     one message (channels; over a message link the client sends alone)
//   2  ping        either     none; answered by pong
//   3  pong        either     none; also unasked, as a sign of life
//   4  refused     either     a refusal (refusal.ts); then the connection ends
//   5  request     client     id u32, length of the method's name u8, the name, body (calls)
//   6  response    server     id u32, body
//   7  error       server     id u32 (0 on a stream), a refusal
//   8  chunk       client     a piece of a stream
//   9  end         client     none; the stream is complete
//   10 ack         server     none; the receiver is done with the stream
//   11 accepted    server     none; the first frame of every connection that is not refused
//   12 header      client     what the stream is, in the words of its users
//
// In TLS 1.3 a client has finished its handshake before the server has looked at its certificate; therefore
// nothing is sent before `accepted` has come.
import { CofferError } from '../common/index.ts';

export const FRAME = {
  data: 1,
  ping: 2,
  pong: 3,
  refused: 4,
  request: 5,
  response: 6,
  error: 7,
  chunk: 8,
  end: 9,
  ack: 10,
  accepted: 11,
  header: 12,
} as const;

export type FrameType = (typeof FRAME)[keyof typeof FRAME];

const TYPES: ReadonlyMap<number, FrameType> = new Map(Object.values(FRAME).map((type) => [type, type]));

/** The length and the type. */
export const FRAME_HEADER_BYTES = 5;
const LENGTH_BYTES = 4;

/** The error for bytes that are not a frame, or a frame that has no place here. */
export function invalidFrame(how: string): CofferError {
  return new CofferError('transport.frame-invalid', `the other node sent ${how}`, {
    hint: 'Compare the versions of coffer on the nodes; if they agree, please report it.',
  });
}

/** The error for a frame of a type that the protocol does not have. */
export function unexpectedFrame(type: FrameType): CofferError {
  return invalidFrame(`a frame of type ${type}, which has no place in this protocol`);
}

/** Writes length and type of a frame into `target`, and returns the offset behind them. */
export function writeFrameHeader(
  target: Buffer,
  offset: number,
  type: FrameType,
  payload_bytes: number,
): number {
  target.writeUInt32BE(payload_bytes + 1, offset);
  target[offset + LENGTH_BYTES] = type;
  return offset + FRAME_HEADER_BYTES;
}

export interface FrameDecoderOptions {
  /** The largest payload that is taken. */
  readonly limit_bytes: number;
  /** The payload may be a view of what was pushed: who keeps a small piece of it for long should copy it. */
  readonly onFrame: (type: FrameType, payload: Buffer) => void;
}

interface OpenFrame {
  readonly type: FrameType;
  readonly payload: Buffer;
  filled_bytes: number;
}

/**
 * Cuts a stream of bytes into frames, however it arrives. A length is checked before anything is kept for it; a frame
 * that arrives in pieces is copied once, into a buffer of just its length, and wiped where it was. `push` throws `transport.frame-invalid`,
 * and after that, or after `stop`, the decoder takes nothing more.
 */
export class FrameDecoder {
  readonly #options: FrameDecoderOptions;
  readonly #header = Buffer.alloc(FRAME_HEADER_BYTES);
  #header_bytes = 0;
  #open: OpenFrame | undefined;
  #stopped = false;

  constructor(options: FrameDecoderOptions) {
    this.#options = options;
  }

  /** Whether a frame has begun that is not complete. */
  get isInsideFrame(): boolean {
    return this.#open !== undefined || this.#header_bytes > 0;
  }

  push(chunk: Buffer): void {
    let offset = 0;
    while (offset < chunk.length && !this.#stopped) {
      offset = this.#open === undefined ? this.#begin(chunk, offset) : this.#fill(this.#open, chunk, offset);
    }
  }

  /** Drops, and wipes, what has arrived of a frame. */
  stop(): void {
    this.#stopped = true;
    this.#open?.payload.fill(0);
    this.#open = undefined;
    this.#header_bytes = 0;
  }

  #begin(chunk: Buffer, offset: number): number {
    if (this.#header_bytes === 0 && chunk.length - offset >= FRAME_HEADER_BYTES) {
      return this.#afterHeader(chunk, offset, chunk, offset + FRAME_HEADER_BYTES);
    }
    const copied = chunk.copy(this.#header, this.#header_bytes, offset);
    this.#header_bytes += copied;
    if (this.#header_bytes < FRAME_HEADER_BYTES) {
      return offset + copied;
    }
    this.#header_bytes = 0;
    return this.#afterHeader(this.#header, 0, chunk, offset + copied);
  }

  #afterHeader(header: Buffer, at: number, chunk: Buffer, offset: number): number {
    const payload_bytes = header.readUInt32BE(at) - 1;
    const type = TYPES.get(header.readUInt8(at + LENGTH_BYTES));
    if (payload_bytes < 0 || payload_bytes > this.#options.limit_bytes || type === undefined) {
      this.stop();
      throw type === undefined
        ? invalidFrame('a frame of a type that does not exist')
        : invalidFrame(
            `a frame of ${payload_bytes} bytes where ${this.#options.limit_bytes} are the most there can be`,
          );
    }
    const end = offset + payload_bytes;
    if (end <= chunk.length) {
      this.#options.onFrame(type, chunk.subarray(offset, end));
      return end;
    }
    // Zeroed memory of this size comes from the kernel page by page, so that a length that is only announced costs little.
    this.#open = { type, payload: Buffer.alloc(payload_bytes), filled_bytes: 0 };
    return offset;
  }

  #fill(open: OpenFrame, chunk: Buffer, offset: number): number {
    const copied = chunk.copy(open.payload, open.filled_bytes, offset);
    // Nobody else sees these bytes, and they may be a piece of a secret.
    chunk.fill(0, offset, offset + copied);
    open.filled_bytes += copied;
    if (open.filled_bytes === open.payload.length) {
      this.#open = undefined;
      this.#options.onFrame(open.type, open.payload);
    }
    return offset + copied;
  }
}
