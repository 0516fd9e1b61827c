// SPDX-License-Identifier: Apache-2.0
// The payloads of calls; frame.ts has their layout.
import { type CofferError, invariant } from '../common/index.ts';
import { invalidFrame } from './frame.ts';
import { decodeRefusal, encodeRefusal } from './refusal.ts';

const ID_BYTES = 4;
const METHOD_BYTES_MAX = 64;

/** What a request has beyond its body, at most. */
export const REQUEST_OVERHEAD_BYTES = ID_BYTES + 1 + METHOD_BYTES_MAX;
/** What a reply has beyond its body. */
export const REPLY_OVERHEAD_BYTES = ID_BYTES;

export interface Request {
  readonly id: number;
  readonly method: string;
  /** A view. */
  readonly body: Buffer;
}

export function encodeRequest(id: number, method: string, body: Buffer): Buffer {
  const name = Buffer.from(method, 'latin1');
  invariant(name.length > 0 && name.length <= METHOD_BYTES_MAX, `${method} is the name of a method`);
  const payload = Buffer.alloc(ID_BYTES + 1 + name.length + body.length);
  payload.writeUInt32BE(id);
  payload[ID_BYTES] = name.length;
  name.copy(payload, ID_BYTES + 1);
  body.copy(payload, ID_BYTES + 1 + name.length);
  return payload;
}

/** Throws `transport.frame-invalid`. */
export function decodeRequest(payload: Buffer): Request {
  const name_bytes = payload[ID_BYTES] ?? 0;
  const start = ID_BYTES + 1;
  if (name_bytes === 0 || name_bytes > METHOD_BYTES_MAX || payload.length < start + name_bytes) {
    throw invalidFrame('a request that cannot be read');
  }
  return {
    id: payload.readUInt32BE(),
    method: payload.toString('latin1', start, start + name_bytes),
    body: payload.subarray(start + name_bytes),
  };
}

export function encodeResponse(id: number, body: Buffer): Buffer {
  const payload = Buffer.alloc(ID_BYTES + body.length);
  payload.writeUInt32BE(id);
  body.copy(payload, ID_BYTES);
  return payload;
}

export function encodeErrorResponse(id: number, error: CofferError): Buffer {
  return encodeResponse(id, encodeRefusal(error));
}

/** Throws `transport.frame-invalid`. */
export function decodeResponse(payload: Buffer): { readonly id: number; readonly body: Buffer } {
  if (payload.length < ID_BYTES) {
    throw invalidFrame('a response that cannot be read');
  }
  return { id: payload.readUInt32BE(), body: payload.subarray(ID_BYTES) };
}

/** The error of a call, as its server has thrown it. */
export function decodeCallError(body: Buffer): CofferError {
  return decodeRefusal(body, 'internal.unexpected');
}
