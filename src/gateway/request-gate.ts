// SPDX-License-Identifier: Apache-2.0
// Where a request ends. What a client sends behind a request that may take the connection over is either the stream
// (if it does) or another request (if it does not), and that must not reach the engine unseen.

type Framing =
  | { readonly kind: 'length'; left_bytes: number }
  /** Chunked (RFC 9112, 7.1): in a line that says a size, in a chunk with its line end, or in the trailer. */
  | { readonly kind: 'chunked'; part: 'size' | 'chunk' | 'trailer'; left_bytes: number; line: string }
  | { readonly kind: 'over' };

const SIZE_LINE_LENGTH_MAX = 1_024;
const LINE_END_BYTES = 2;

/** Parts the bytes of a connection into those of one request and those behind it. */
export class RequestGate {
  #framing: Framing;

  /** `head` is the request's head with its empty line, as latin1. */
  constructor(head: string) {
    const length = Number(/\r\ncontent-length:[ \t]*(\d+)/i.exec(head)?.[1] ?? 0);
    this.#framing = /\r\ntransfer-encoding:[^\r\n]*chunked/i.test(head)
      ? { kind: 'chunked', part: 'size', left_bytes: 0, line: '' }
      : { kind: 'length', left_bytes: length };
  }

  /** How many of the next bytes still belong to the request. Framing that makes no sense ends it. */
  take(bytes: Buffer): number {
    let offset = 0;
    while (offset < bytes.length && this.#framing.kind !== 'over') {
      offset += this.#step(bytes.subarray(offset));
    }
    return offset;
  }

  #step(bytes: Buffer): number {
    const framing = this.#framing;
    if (framing.kind === 'over') {
      return 0;
    }
    if (framing.kind === 'length' || framing.part === 'chunk') {
      const taken = Math.min(framing.left_bytes, bytes.length);
      framing.left_bytes -= taken;
      if (framing.left_bytes === 0) {
        this.#framing =
          framing.kind === 'length'
            ? { kind: 'over' }
            : { kind: 'chunked', part: 'size', left_bytes: 0, line: '' };
      }
      return taken;
    }
    return this.#line(framing, bytes);
  }

  /** One more byte of a line; its end decides what follows. */
  #line(framing: Extract<Framing, { kind: 'chunked' }>, bytes: Buffer): number {
    framing.line += bytes.toString('latin1', 0, 1);
    if (framing.line.length > SIZE_LINE_LENGTH_MAX) {
      this.#framing = { kind: 'over' };
    } else if (framing.line.endsWith('\r\n')) {
      this.#framing = afterLine(framing.part, framing.line);
    }
    return 1;
  }
}

function afterLine(part: 'size' | 'chunk' | 'trailer', line: string): Framing {
  if (part === 'trailer') {
    return line === '\r\n' ? { kind: 'over' } : { kind: 'chunked', part, left_bytes: 0, line: '' };
  }
  const size = /^([0-9a-f]{1,12})(?:;|\r\n)/i.exec(line)?.[1];
  if (size === undefined) {
    return { kind: 'over' };
  }
  const size_bytes = Number.parseInt(size, 16);
  return size_bytes === 0
    ? { kind: 'chunked', part: 'trailer', left_bytes: 0, line: '' }
    : { kind: 'chunked', part: 'chunk', left_bytes: size_bytes + LINE_END_BYTES, line: '' };
}
