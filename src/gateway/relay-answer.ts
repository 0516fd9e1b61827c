// SPDX-License-Identifier: Apache-2.0
// The engine's answer, handed back as it is, unless whoever asked for that may put another in its place.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { endToEnd, hasToken, headerValue, pairsOf, type RawHeaders } from './headers.ts';
import { readStart } from './read-start.ts';
import { type Reply, sendReply, settleConnection } from './reply.ts';

export interface RelayOptions {
  /**
   * Asked when the engine answers 503, before that reaches the client; with undefined the engine's answer goes
   * on as it is.
   */
  readonly onUnavailable?: (refusal: Reply) => Promise<Reply | undefined>;
  /**
   * Given the body of an answer that says yes in a little plain JSON, the body that goes to the client in its place; undefined: the answer
   * goes on as it is, as one does that is anything else. It bounds itself in time.
   */
  readonly amend?: (body: Buffer) => Promise<Buffer | undefined>;
}

const REFUSAL_BYTES_MAX = 64 * 1024;
/** How long a client may go on sending what was refused. The engine itself waits half a second. */
const LINGER_MS = 2_000;
/** What is longer, or does not come at once, is not amended. */
const AMENDED_BYTES_MAX = 64 * 1024;
const AMENDED_WAIT_MS = 500;

export function relayAnswer(answer: IncomingMessage, response: ServerResponse, options: RelayOptions): void {
  // Cut in the middle by the engine: the client must see that, not a whole answer.
  answer.on('error', () => response.destroy());
  if (answer.statusCode === 503 && options.onUnavailable !== undefined) {
    replaceRefusal(answer, response, options.onUnavailable).catch(() => response.destroy());
  } else if (options.amend !== undefined && isLittleJson(answer)) {
    relayAmended(answer, response, options.amend).catch(() => response.destroy());
  } else if (relayHead(answer, response)) {
    relayBody(answer, response);
  }
}

function relayBody(answer: IncomingMessage, response: ServerResponse): void {
  answer.pipe(response, { end: false });
  answer.on('end', () => endAnswer(answer, response));
}

function endAnswer(answer: IncomingMessage, response: ServerResponse): void {
  if (answer.rawTrailers.length > 0) {
    response.addTrailers(pairsOf(answer.rawTrailers));
  }
  whenSent(response, () => response.end());
}

function isLittleJson({ rawHeaders, statusCode = 0 }: IncomingMessage): boolean {
  return (
    statusCode >= 200 &&
    statusCode < 300 &&
    headerValue(rawHeaders, 'content-encoding') === undefined &&
    /^application\/json\b/i.test(headerValue(rawHeaders, 'content-type') ?? '') &&
    Number(headerValue(rawHeaders, 'content-length') ?? 0) <= AMENDED_BYTES_MAX
  );
}

async function relayAmended(
  answer: IncomingMessage,
  response: ServerResponse,
  amend: NonNullable<RelayOptions['amend']>,
): Promise<void> {
  const limits = { limit_bytes: AMENDED_BYTES_MAX, timeout_ms: AMENDED_WAIT_MS };
  const { bytes, isWhole } = await readStart(answer, limits);
  const isPlain = isWhole && answer.rawTrailers.length === 0;
  const amended = isPlain ? await amend(bytes) : undefined;
  if (!relayHead(answer, response, amended?.length)) {
    return;
  }
  response.write(amended ?? bytes);
  if (isWhole) {
    endAnswer(answer, response);
  } else {
    relayBody(answer, response);
  }
}

/**
 * Calls back once the client has sent all of its request, or does not come to its end. Node closes the connection
 * with the end of an answer that is the last, and a client that is still writing then would not read that answer.
 */
function whenSent(response: ServerResponse, done: () => void): void {
  const { req: request } = response;
  if (request.complete || request.destroyed) {
    done();
    return;
  }
  const timer = setTimeout(done, LINGER_MS);
  const finish = (): void => {
    clearTimeout(timer);
    done();
  };
  request.once('end', finish);
  response.once('close', () => clearTimeout(timer));
}

/** False if nothing can be sent. `length_bytes`: of a body that is another one. */
function relayHead(answer: IncomingMessage, response: ServerResponse, length_bytes?: number): boolean {
  if (response.destroyed) {
    return false;
  }
  try {
    writeHead(answer, response, length_bytes);
    return true;
  } catch {
    // A head that Node cannot send on; nothing of it is out yet.
    answer.destroy();
    response.destroy();
    return false;
  }
}

function writeHead(
  answer: IncomingMessage,
  response: ServerResponse,
  length_bytes: number | undefined,
): void {
  const headers = headersWithLength(endToEnd(answer.rawHeaders), length_bytes);
  response.sendDate = false;
  if (hasToken(answer.rawHeaders, 'connection', 'close')) {
    headers.push('Connection', 'close');
  } else {
    settleConnection(response);
  }
  if (length_bytes === undefined && hasToken(answer.rawHeaders, 'transfer-encoding', 'chunked')) {
    headers.push('Transfer-Encoding', 'chunked');
  } else if (headerValue(headers, 'content-length') === undefined) {
    // Ends with the connection: a stream that the engine writes as it is.
    response.removeHeader('Transfer-Encoding');
  }
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage, headers);
  response.flushHeaders();
}

/** In the place of the old one, or at the end. */
function headersWithLength(headers: string[], length_bytes: number | undefined): string[] {
  if (length_bytes === undefined) {
    return headers;
  }
  const pairs = pairsOf(headers);
  const length = ['Content-Length', String(length_bytes)] as const;
  const isLength = ([name]: readonly [string, string]): boolean => name.toLowerCase() === 'content-length';
  return pairs.some(isLength)
    ? pairs.flatMap((pair) => (isLength(pair) ? length : pair))
    : [...headers, ...length];
}

async function replaceRefusal(
  answer: IncomingMessage,
  response: ServerResponse,
  onUnavailable: (refusal: Reply) => Promise<Reply | undefined>,
): Promise<void> {
  const refusal = await readRefusal(answer);
  sendReply(response, (await onUnavailable(refusal)) ?? refusal);
}

async function readRefusal(answer: IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer) {
    const bytes = Buffer.from(chunk as Uint8Array);
    size += bytes.length;
    if (size > REFUSAL_BYTES_MAX) {
      throw new RangeError('the refusal is too long');
    }
    chunks.push(bytes);
  }
  const headers: RawHeaders = answer.rawHeaders;
  const hasLength = headerValue(headers, 'content-length') !== undefined;
  return {
    status: answer.statusCode ?? 503,
    statusMessage: answer.statusMessage,
    headers: hasLength ? headers : [...headers, 'Content-Length', String(size)],
    body: Buffer.concat(chunks, size),
  };
}
