// SPDX-License-Identifier: Apache-2.0
// A call that the gateway makes in a client's name, read to its end.
import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { CofferError, systemErrorCode } from '../common/index.ts';
import { unreachableEngine } from '../engine/index.ts';
import type { RawHeaders } from './headers.ts';
import type { Reply } from './reply.ts';

export interface EngineCall {
  readonly socketPath: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  /** Those of the client's request, without what belongs to its body. */
  readonly headers: RawHeaders;
  readonly body?: Buffer;
  readonly timeout_ms: number;
}

/** An answer that the gateway reads whole is small: one secret, or an error. */
const REPLY_BYTES_MAX = 8 * 1024 * 1024;
export const HEAD_BYTES_MAX = 1024 * 1024;

const NEVER_SENT: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ECONNREFUSED', 'EACCES']);

/** True if the engine cannot have seen the call that failed with this error. */
export function wasNeverSent(thrown: unknown): boolean {
  return thrown instanceof CofferError && NEVER_SENT.has(systemErrorCode(thrown.cause));
}

/** Sends a call and reads its answer. Rejects with `engine.unreachable` if none comes in time and whole. */
export function callEngine(call: EngineCall): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => reject(unreachableEngine(call.socketPath, cause));
    let sent: ClientRequest;
    try {
      sent = httpRequest({
        socketPath: call.socketPath,
        method: call.method,
        path: call.path,
        headers: [...call.headers, ...lengthHeader(call)],
        agent: false,
        maxHeaderSize: HEAD_BYTES_MAX,
      });
    } catch (thrown) {
      reject(new CofferError('request.invalid', 'the request cannot be sent on', { cause: thrown }));
      return;
    }
    const timer = setTimeout(() => sent.destroy(timeout(call)), call.timeout_ms);
    sent.on('close', () => clearTimeout(timer));
    sent.on('error', fail);
    sent.on('response', (response) => {
      readReply(response).then(resolve, (thrown: unknown) => {
        sent.destroy();
        fail(thrown);
      });
    });
    sent.end(call.body);
  });
}

async function readReply(response: IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    const bytes = Buffer.from(chunk as Uint8Array);
    size += bytes.length;
    if (size > REPLY_BYTES_MAX) {
      throw new CofferError('engine.refused', `the engine's answer has more than ${REPLY_BYTES_MAX} bytes`);
    }
    chunks.push(bytes);
  }
  const body = Buffer.concat(chunks, size);
  return {
    status: response.statusCode ?? 502,
    statusMessage: response.statusMessage,
    headers: withLength(response.rawHeaders, body, response.statusCode),
    body,
  };
}

// A body that came in chunks goes out whole; any other keeps the headers that it has.
function withLength(headers: RawHeaders, body: Buffer, status: number | undefined): RawHeaders {
  const hasLength = headers.some((text, index) => index % 2 === 0 && text.toLowerCase() === 'content-length');
  return hasLength || status === 204 || status === 304
    ? headers
    : [...headers, 'Content-Length', String(body.length)];
}

function lengthHeader(call: EngineCall): string[] {
  return call.method === 'POST' ? ['Content-Length', String(call.body?.length ?? 0)] : [];
}

function timeout(call: EngineCall): Error {
  return Object.assign(new Error(`no answer within ${call.timeout_ms} ms`), { code: 'ETIMEDOUT' });
}
