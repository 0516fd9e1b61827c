// SPDX-License-Identifier: Apache-2.0
// What a connection is, told by the bytes that it begins with.
import { isHijackCall } from './route.ts';

/**
 * `http` for Node's parser; `http2` for the client preface of RFC 9113, 3.4; `hijack` for a call that takes the
 * connection over without saying so; `more` while the bytes do not tell yet.
 */
export type ConnectionKind = 'http' | 'http2' | 'hijack' | 'more';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const POST = Buffer.from('POST /');
const HEAD_BYTES_MAX = 1024 * 1024;
const LINE_END = '\r\n';
const HEAD_END = '\r\n\r\n';
const CAPACITY_BYTES_MIN = 1_024;

/** Tells what the connection is. It asks for more only while the bytes are a beginning of something special. */
export function classifyFirstBytes(bytes: Buffer): ConnectionKind {
  if (isPrefix(PREFACE, bytes)) {
    return bytes.length < PREFACE.length ? 'more' : 'http2';
  }
  if (!isPrefix(POST, bytes)) {
    return 'http';
  }
  const lineEnd = bytes.indexOf(LINE_END);
  if (lineEnd === -1) {
    return bytes.length > HEAD_BYTES_MAX ? 'http' : 'more';
  }
  const [method = '', target = ''] = bytes.toString('latin1', 0, lineEnd).split(' ');
  if (!isHijackCall(method, target)) {
    return 'http';
  }
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd === -1) {
    return bytes.length > HEAD_BYTES_MAX ? 'http' : 'more';
  }
  // Node's parser hands the connection over at an upgrade; without one it would read the stream as requests.
  const isUpgrade = /\r\nupgrade:/i.test(bytes.toString('latin1', lineEnd, headEnd));
  return isUpgrade ? 'http' : 'hijack';
}

/** The beginning of a connection, in whatever pieces it comes: byte by byte it costs no more than at once. */
export class FirstBytes {
  /** More than there are, so that they need not be copied for each piece. */
  #memory: Buffer = Buffer.alloc(0);
  #length = 0;
  /** What has to come before anything else can be told of the connection. */
  #sought = LINE_END;

  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#length);
  }

  /** What all that has come says of the connection. */
  push(chunk: Buffer): ConnectionKind {
    const from = Math.max(0, this.#length - HEAD_END.length);
    this.#append(chunk);
    const { bytes } = this;
    const mayTell = bytes.length <= PREFACE.length + chunk.length || bytes.length > HEAD_BYTES_MAX;
    const isFound = bytes.indexOf(this.#sought, from) !== -1;
    if (!mayTell && !isFound) {
      return 'more';
    }
    if (isFound) {
      this.#sought = HEAD_END;
    }
    return classifyFirstBytes(bytes);
  }

  #append(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (this.#length === 0) {
      this.#memory = chunk;
    } else if (length > this.#memory.length) {
      const memory = Buffer.alloc(Math.max(2 * length, CAPACITY_BYTES_MIN));
      this.bytes.copy(memory);
      this.#memory = memory;
    }
    if (this.#length > 0) {
      chunk.copy(this.#memory, this.#length);
    }
    this.#length = length;
  }
}

/** Whether one begins with the other, as far as both go. */
function isPrefix(whole: Buffer, bytes: Buffer): boolean {
  const length = Math.min(whole.length, bytes.length);
  return whole.subarray(0, length).equals(bytes.subarray(0, length));
}
