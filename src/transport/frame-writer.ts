// SPDX-License-Identifier: Apache-2.0
import type { Writable } from 'node:stream';
import { invariant } from '../common/index.ts';
import { FRAME_HEADER_BYTES, type FrameType, writeFrameHeader } from './frame.ts';

/** What one write takes of the frames that wait, so that an urgent one waits for no more than this. */
const BATCH_BYTES_MAX = 256 * 1024;
/** A payload beyond this is written as it is; a smaller one is copied together with others. */
const COPIED_BYTES_MAX = 32 * 1024;

/** How long a frame that is not urgent waits for others to go along with. */
const PATIENCE_MS = 2;

const NOTHING = Buffer.alloc(0);

/** What a frame may have behind its payload. */
export const ZEROS_BEHIND_BYTES_MAX = 32 * 1024;
/** Shared by all, and never written to. */
const ZEROS = Buffer.alloc(ZEROS_BEHIND_BYTES_MAX);

/**
 * `first` goes ahead of all that waits. `soon` goes out at the end of this turn of the event loop, with all that was sent
 * before. `along` goes with the next one that does, or after two milliseconds: each write of its own costs both sides
 * much more than what it carries.
 */
export type Urgency = 'first' | 'soon' | 'along';

export interface SendOptions {
  /** Overwrites the payload with zeros once it was written, or will not be. Then it belongs to the writer. */
  readonly wipe?: boolean;
  /** So many zeros end the frame, as if they were of its payload. Default 0. */
  readonly zerosBehind_bytes?: number;
  /** Default `soon`. */
  readonly urgency?: Urgency;
}

interface QueuedFrame {
  readonly type: FrameType;
  readonly payload: Buffer;
  readonly wipe: boolean;
  readonly zerosBehind_bytes: number;
}

/**
 * Writes frames to a socket. Those that are sent in one turn of the event loop, or while another write is under way, go
 * out in one write, and so in few TLS records. It has no limit of its own: its users look at `queued_bytes`.
 */
export class FrameWriter {
  readonly #socket: Writable;
  readonly #onIdle: () => void;
  readonly #onProgress: () => void;
  #queue: QueuedFrame[] = [];
  #head = 0;
  #queued_bytes = 0;
  #isWriting = false;
  #flushDue = false;
  #patience: NodeJS.Timeout | undefined;
  #stopped = false;

  /** `onProgress` is called after each write, `onIdle` when all was written. */
  constructor(socket: Writable, events: { readonly onProgress: () => void; readonly onIdle: () => void }) {
    this.#socket = socket;
    this.#onProgress = events.onProgress;
    this.#onIdle = events.onIdle;
  }

  /** The bytes that wait, without those that are being written. */
  get queued_bytes(): number {
    return this.#queued_bytes;
  }

  get queuedFrames(): number {
    return this.#queue.length - this.#head;
  }

  get isIdle(): boolean {
    return !this.#isWriting && this.queuedFrames === 0;
  }

  /** Whether the socket has not yet taken the last write. */
  get isWriting(): boolean {
    return this.#isWriting;
  }

  send(
    type: FrameType,
    payload: Buffer = NOTHING,
    { wipe = false, urgency = 'soon', zerosBehind_bytes = 0 }: SendOptions = {},
  ): void {
    invariant(
      zerosBehind_bytes <= ZEROS_BEHIND_BYTES_MAX,
      'no frame has more zeros behind it than there are',
    );
    const frame = { type, payload, wipe, zerosBehind_bytes };
    if (this.#stopped) {
      wipeFrame(frame);
      return;
    }
    if (urgency === 'first') {
      this.#queue.splice(this.#head, 0, frame);
    } else {
      this.#queue.push(frame);
    }
    this.#queued_bytes += size_bytes(frame);
    if (urgency === 'along') {
      this.#patience ??= setTimeout(() => {
        this.#patience = undefined;
        this.#flush();
      }, PATIENCE_MS);
    } else if (!this.#isWriting && !this.#flushDue) {
      this.#flushDue = true;
      setImmediate(() => {
        this.#flushDue = false;
        this.#flush();
      });
    }
  }

  /** Writes at once what waits; for the last frame before the socket is ended. */
  flushNow(): void {
    while (!this.#stopped && this.queuedFrames > 0) {
      this.#write(this.#take());
    }
  }

  /** Drops what waits, and wipes it where that was asked for. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#patience);
    for (const frame of this.#queue.slice(this.#head)) {
      wipeFrame(frame);
    }
    this.#queue = [];
    this.#head = 0;
    this.#queued_bytes = 0;
  }

  #flush(): void {
    if (!this.#isWriting && !this.#stopped && this.queuedFrames > 0) {
      this.#isWriting = true;
      this.#write(this.#take());
    }
  }

  #write(frames: readonly QueuedFrame[]): void {
    const [first] = frames;
    if (frames.length === 1 && first !== undefined && isLarge(first)) {
      const header = Buffer.alloc(FRAME_HEADER_BYTES);
      writeFrameHeader(header, 0, first.type, first.payload.length + first.zerosBehind_bytes);
      this.#writeAll([header, first.payload], first);
      return;
    }
    const wipe = frames.some((frame) => frame.wipe);
    const batch = concatenate(frames);
    frames.forEach(wipeFrame);
    this.#writeAll([batch], { wipe, zerosBehind_bytes: frames.at(-1)?.zerosBehind_bytes ?? 0 });
  }

  /** The pieces and the zeros behind them, in one write. */
  #writeAll(
    pieces: readonly Buffer[],
    { wipe, zerosBehind_bytes }: Pick<QueuedFrame, 'wipe' | 'zerosBehind_bytes'>,
  ): void {
    const all = zerosBehind_bytes === 0 ? pieces : [...pieces, zeros(zerosBehind_bytes)];
    const done = (error: Error | null | undefined): void => {
      if (wipe) {
        pieces.forEach((piece) => piece.fill(0));
      }
      this.#written(error);
    };
    const corked = all.length > 1;
    if (corked) {
      this.#socket.cork();
    }
    all.forEach((piece, place) => this.#socket.write(piece, place === all.length - 1 ? done : undefined));
    if (corked) {
      this.#socket.uncork();
    }
  }

  #written(error: Error | null | undefined): void {
    this.#isWriting = false;
    if (error !== null && error !== undefined) {
      // The socket itself tells its owner.
      this.stop();
      return;
    }
    this.#onProgress();
    this.#flush();
    if (this.isIdle) {
      this.#onIdle();
    }
  }

  /** The frames of the next write: one that is large, or as many small ones as a batch holds, up to one that ends with zeros. */
  #take(): readonly QueuedFrame[] {
    const taken: QueuedFrame[] = [];
    let taken_bytes = 0;
    for (let place = this.#head; place < this.#queue.length; place += 1) {
      const frame = this.#queue[place];
      if (frame === undefined) {
        break;
      }
      const frame_bytes = size_bytes(frame);
      if (taken.length > 0 && (isLarge(frame) || taken_bytes + frame_bytes > BATCH_BYTES_MAX)) {
        break;
      }
      taken.push(frame);
      taken_bytes += frame_bytes;
      if (isLarge(frame) || frame.zerosBehind_bytes > 0) {
        break;
      }
    }
    this.#head += taken.length;
    this.#queued_bytes -= taken_bytes;
    this.#compact();
    return taken;
  }

  /** Forgets what was taken, once it is half of the list, so that taking costs the same however long the list is. */
  #compact(): void {
    if (this.#head * 2 >= this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
  }
}

/** Most ask for all that there are, which costs no view of them. */
function zeros(size_bytes: number): Buffer {
  return size_bytes === ZEROS.length ? ZEROS : ZEROS.subarray(0, size_bytes);
}

function isLarge({ payload }: QueuedFrame): boolean {
  return payload.length > COPIED_BYTES_MAX;
}

/** With its header, and with the zeros behind it. */
function size_bytes({ payload, zerosBehind_bytes }: QueuedFrame): number {
  return FRAME_HEADER_BYTES + payload.length + zerosBehind_bytes;
}

/** Without the zeros behind the last one. */
function concatenate(frames: readonly QueuedFrame[]): Buffer {
  const batch_bytes = frames.reduce((sum, { payload }) => sum + FRAME_HEADER_BYTES + payload.length, 0);
  // Every byte of it is written below.
  const batch = Buffer.allocUnsafe(batch_bytes);
  let offset = 0;
  for (const { type, payload, zerosBehind_bytes } of frames) {
    offset = writeFrameHeader(batch, offset, type, payload.length + zerosBehind_bytes);
    offset += payload.copy(batch, offset);
  }
  return batch;
}

function wipeFrame({ payload, wipe }: QueuedFrame): void {
  if (wipe) {
    payload.fill(0);
  }
}
