// SPDX-License-Identifier: Apache-2.0
// Bodies that begin with the key of a payload, and may go on with the payload itself.
import type { IncomingMessage } from 'node:http';
import { ExactReader } from '../backup/index.ts';
import { CofferError } from '../common/index.ts';
import { KEY_BYTES } from '../crypto/index.ts';

/** Closing it leaves the request open, whose sender waits for the answer. */
export function bodyReader(request: IncomingMessage): ExactReader {
  return new ExactReader(wipedAfterUse(request.iterator({ destroyOnReturn: false })));
}

/** The caller wipes it. */
export async function readPayloadKey(body: ExactReader): Promise<Buffer> {
  const key = await body.read(KEY_BYTES);
  if (key.length < KEY_BYTES) {
    throw new CofferError('request.invalid', `the body begins with a key of ${KEY_BYTES} bytes`);
  }
  return key;
}

/** Throws `request.invalid` if something follows on the key. */
export async function requireEnd(body: ExactReader): Promise<void> {
  if (!(await body.atEnd())) {
    throw new CofferError('request.invalid', 'the body is the key of the payload, and nothing more');
  }
}

/** The first piece holds the key. */
async function* wipedAfterUse(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    try {
      yield piece;
    } finally {
      piece.fill(0);
    }
  }
}
