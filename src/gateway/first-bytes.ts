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

/** Tells what the connection is. It asks for more only while the bytes are a beginning of something special. */
export function classifyFirstBytes(bytes: Buffer): ConnectionKind {
  if (isPrefix(PREFACE, bytes)) {
    return bytes.length < PREFACE.length ? 'more' : 'http2';
  }
  if (!isPrefix(POST, bytes)) {
    return 'http';
  }
  const lineEnd = bytes.indexOf('\r\n');
  if (lineEnd === -1) {
    return bytes.length > HEAD_BYTES_MAX ? 'http' : 'more';
  }
  const [method = '', target = ''] = bytes.toString('latin1', 0, lineEnd).split(' ');
  if (!isHijackCall(method, target)) {
    return 'http';
  }
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd === -1) {
    return bytes.length > HEAD_BYTES_MAX ? 'http' : 'more';
  }
  // Node's parser hands the connection over at an upgrade; without one it would read the stream as requests.
  const isUpgrade = /\r\nupgrade:/i.test(bytes.toString('latin1', lineEnd, headEnd));
  return isUpgrade ? 'http' : 'hijack';
}

/** Whether one begins with the other, as far as both go. */
function isPrefix(whole: Buffer, bytes: Buffer): boolean {
  const length = Math.min(whole.length, bytes.length);
  return whole.subarray(0, length).equals(bytes.subarray(0, length));
}
