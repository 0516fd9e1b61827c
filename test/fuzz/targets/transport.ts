// SPDX-License-Identifier: Apache-2.0
import { CofferError } from '../../../src/common/index.ts';
import { parseAddress } from '../../../src/transport/address.ts';
import {
  FRAME,
  FRAME_HEADER_BYTES,
  FrameDecoder,
  type FrameType,
  writeFrameHeader,
} from '../../../src/transport/frame.ts';
import { decodeRefusal, encodeRefusal } from '../../../src/transport/refusal.ts';
import {
  decodeRequest,
  decodeResponse,
  encodeErrorResponse,
  encodeRequest,
  encodeResponse,
} from '../../../src/transport/rpc-frames.ts';
import { CANARY } from '../canary.ts';
import { BrokenPromise, canonical, codes, type FuzzTarget, ofText, stable, textSeeds } from '../target.ts';

const REFUSAL = new CofferError('cluster.role', 'a sentence of another node', { hint: 'a hint of it' });
const LIMIT_BYTES = 1_024;

interface Frame {
  readonly type: FrameType;
  readonly payload: Buffer;
}

function frameBytes({ payload, type }: Frame): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  writeFrameHeader(header, 0, type, payload.length);
  return Buffer.concat([header, payload]);
}

/** What a decoder makes of bytes that come in pieces of this size; and how it ends. */
function framesOf(
  bytes: Buffer,
  piece_bytes: number,
): { readonly frames: readonly Frame[]; readonly refusal: Error | undefined } {
  const frames: Frame[] = [];
  const decoder = new FrameDecoder({
    limit_bytes: LIMIT_BYTES,
    onFrame: (type, payload) => frames.push({ type, payload: Buffer.from(payload) }),
  });
  // What is put together is wiped where it was.
  const own = Buffer.from(bytes);
  try {
    for (let at = 0; at < own.length; at += piece_bytes) {
      decoder.push(own.subarray(at, at + piece_bytes));
    }
    return { frames, refusal: undefined };
  } catch (thrown) {
    return { frames, refusal: thrown instanceof Error ? thrown : new Error(String(thrown)) };
  }
}

/** However the bytes are cut, the frames are the same, and so is the end. */
function readFrames(bytes: Buffer): void {
  const whole = framesOf(bytes, Math.max(1, bytes.length));
  const read = Buffer.concat(whole.frames.map(frameBytes));
  if (!bytes.subarray(0, read.length).equals(read)) {
    throw new BrokenPromise('the frames are not what came');
  }
  for (const piece_bytes of [1, 3, 7]) {
    const cut = framesOf(bytes, piece_bytes);
    if (!Buffer.concat(cut.frames.map(frameBytes)).equals(read)) {
      throw new BrokenPromise('the frames depend on how the bytes are cut');
    }
  }
  if (whole.refusal !== undefined) {
    throw whole.refusal;
  }
}

export const transportTargets: readonly FuzzTarget[] = [
  {
    name: 'transport/frames',
    seeds: () => {
      const payloads = [Buffer.alloc(0), Buffer.from(CANARY), Buffer.alloc(LIMIT_BYTES, CANARY)];
      const frames = Object.values(FRAME).flatMap((type) => payloads.map((payload) => ({ type, payload })));
      return [...frames.map(frameBytes), Buffer.concat(frames.slice(0, 12).map(frameBytes))];
    },
    refuses: codes('transport.frame-invalid'),
    run: readFrames,
    size_bytes_max: 8 * 1024,
    memory_bytes: 512 * 1024,
  },
  {
    name: 'transport/requests',
    seeds: () => [
      encodeRequest(7, 'renew', Buffer.from(CANARY)),
      encodeRequest(0xffff_ffff, 'm'.repeat(64), Buffer.alloc(0)),
    ],
    refuses: codes('transport.frame-invalid'),
    run: canonical(decodeRequest, ({ body, id, method }) => encodeRequest(id, method, body)),
  },
  {
    name: 'transport/responses',
    seeds: () => [encodeResponse(7, Buffer.from(CANARY)), encodeErrorResponse(8, REFUSAL)],
    refuses: codes('transport.frame-invalid'),
    run: canonical(decodeResponse, ({ body, id }) => encodeResponse(id, body)),
  },
  {
    name: 'transport/refusals',
    seeds: () => [encodeRefusal(REFUSAL), encodeRefusal(new CofferError('cluster.quorum', 'without a hint'))],
    refuses: codes('transport.frame-invalid'),
    run: stable((bytes) => decodeRefusal(bytes), encodeRefusal),
    words: ['"code":', '"detail":', '"hint":', '\u0007', '\u001b[31m', '\u202e'],
  },
  {
    name: 'transport/addresses',
    seeds: textSeeds('10.0.0.1:7373', 'manager.example.org:1', '[fd00::1]:65535', '[::ffff:1.2.3.4]:7373'),
    refuses: codes('transport.unreachable'),
    run: ofText(parseAddress),
    words: ['[', ']', '::', '%eth0'],
  },
];
