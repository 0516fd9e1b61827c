// SPDX-License-Identifier: Apache-2.0
// The one answer of the daemon that is a value: it never becomes text.
import type { IncomingMessage } from 'node:http';
import { VALUE_BYTES_MAX } from '../secrets/index.ts';
import type { Freshness } from '../store/index.ts';
import { readText, replyIn, strangeReply } from './answer.ts';
import * as replies from './replies.ts';

const VERSION_HEADER = 'coffer-secret-version';
const FRESHNESS_HEADER = 'coffer-freshness';

export interface RevealedValue {
  readonly version: number;
  /** The caller wipes it. */
  readonly value: Buffer;
  readonly freshness: Freshness;
}

/** Rejects with the refusal, if it is one. */
export async function readRevealed(response: IncomingMessage): Promise<RevealedValue> {
  const status = response.statusCode ?? 0;
  const version = Number(response.headers[VERSION_HEADER]);
  if (status !== 200 || !Number.isSafeInteger(version)) {
    replyIn(status, await readText(response), replies.errorReply);
    throw strangeReply(status);
  }
  const freshness = response.headers[FRESHNESS_HEADER] === 'linearizable' ? 'linearizable' : 'local';
  return { version, value: await readBytes(response), freshness };
}

/** One buffer of the value; the pieces that it came in are wiped. */
async function readBytes(response: IncomingMessage): Promise<Buffer> {
  const bytes = Buffer.alloc(VALUE_BYTES_MAX);
  let size_bytes = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    if (size_bytes + piece.length > VALUE_BYTES_MAX) {
      bytes.fill(0);
      throw strangeReply(response.statusCode ?? 0);
    }
    bytes.set(piece, size_bytes);
    size_bytes += piece.length;
    piece.fill(0);
  }
  return bytes.subarray(0, size_bytes);
}
