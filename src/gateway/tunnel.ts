// SPDX-License-Identifier: Apache-2.0
// Connections that stop being HTTP: bytes go both ways as they come, and each side's end is told to the other.
import { connect, type Socket } from 'node:net';
import { engineGone } from './pass-through.ts';
import { RequestGate } from './request-gate.ts';

const HEAD_BYTES_MAX = 1024 * 1024;
/** So much of what comes behind a request waits for the answer; then the client does. */
const HELD_BYTES_MAX = 1024 * 1024;
const HEAD_END = '\r\n\r\n';
const LAST_CHUNK = /(?:^|\r\n)0\r\n\r\n$/;

/** Joins a client and the engine from the first byte on: the engine's HTTP/2. */
export function tunnelAll(client: Socket, firstBytes: Buffer, socketPath: string): void {
  const engine = openEngine(client, socketPath);
  engine.write(firstBytes);
  joinDuplex(client, engine);
}

/**
 * Sends a request that may take the connection over, and decides by the answer: an upgrade (101), or an answer
 * without a length, joins both sides; any other is the last on this connection. What the client sends behind its
 * request waits for that decision: it may be another request, which the engine must not get unseen.
 */
export function tunnelHijack(client: Socket, firstBytes: Buffer, socketPath: string): void {
  const engine = openEngine(client, socketPath);
  const release = sendRequestAlone(client, engine, firstBytes);
  awaitHead(client, engine, (head, rest) => {
    const answer = parseHead(head);
    if (answer.takesOver) {
      client.write(head);
      client.write(rest);
      engine.write(release());
      joinDuplex(client, engine);
    } else {
      release();
      client.on('data', () => undefined);
      sendLast(client, engine, answer, rest);
    }
  });
}

/**
 * Passes on one request and holds back what comes behind it. The function that it returns ends this, and hands out
 * what was held back.
 */
function sendRequestAlone(client: Socket, engine: Socket, firstBytes: Buffer): () => Buffer {
  const headEnd = firstBytes.indexOf(HEAD_END) + HEAD_END.length;
  const gate = new RequestGate(firstBytes.toString('latin1', 0, headEnd));
  const held: Buffer[] = [];
  let held_bytes = 0;
  const take = (chunk: Buffer): void => {
    const own = gate.take(chunk);
    if (own > 0 && !engine.write(chunk.subarray(0, own))) {
      client.pause();
      engine.once('drain', () => client.resume());
    }
    if (own < chunk.length) {
      held.push(chunk.subarray(own));
      held_bytes += chunk.length - own;
      if (held_bytes > HELD_BYTES_MAX) {
        client.pause();
      }
    }
  };
  const end = (): void => {
    if (held_bytes === 0) {
      engine.end();
    }
  };
  engine.write(firstBytes.subarray(0, headEnd));
  take(firstBytes.subarray(headEnd));
  client.on('data', take);
  client.on('end', end);
  if (client.readableEnded) {
    end();
  }
  return () => {
    client.off('data', take);
    client.off('end', end);
    return Buffer.concat(held);
  };
}

function openEngine(client: Socket, socketPath: string): Socket {
  const engine = connect({ path: socketPath, allowHalfOpen: true });
  let isConnected = false;
  engine.once('connect', () => {
    isConnected = true;
  });
  engine.on('error', (error) => {
    if (!isConnected && client.writable) {
      const reply = engineGone(socketPath, error);
      client.end(
        `HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: ${reply.body.length}\r\n` +
          `Connection: close\r\n\r\n${reply.body.toString()}`,
      );
    } else {
      client.destroy();
    }
  });
  client.on('error', () => engine.destroy());
  client.on('close', () => engine.destroy());
  return engine;
}

function joinDuplex(client: Socket, engine: Socket): void {
  forward(client, engine);
  forward(engine, client);
}

/** One direction, with backpressure; its end is passed on while the other direction goes on. */
function forward(from: Socket, to: Socket): void {
  if (from.readableEnded) {
    to.end();
    return;
  }
  from.pipe(to);
  // Ended cleanly, it is left to `pipe`; cut, the other side is cut too.
  from.on('close', () => {
    if (!from.readableEnded) {
      to.destroy();
    }
  });
}

/** Calls back once with the head of the engine's answer, its empty line included, and what came behind it. */
function awaitHead(client: Socket, engine: Socket, done: (head: Buffer, rest: Buffer) => void): void {
  let bytes = Buffer.alloc(0);
  const take = (chunk: Buffer): void => {
    bytes = Buffer.concat([bytes, chunk]);
    const end = bytes.indexOf(HEAD_END);
    if (end !== -1) {
      engine.off('data', take);
      engine.off('end', finish);
      engine.pause();
      done(bytes.subarray(0, end + HEAD_END.length), bytes.subarray(end + HEAD_END.length));
    } else if (bytes.length > HEAD_BYTES_MAX) {
      engine.destroy(new RangeError('the head of the answer is too long'));
    }
  };
  // No answer at all: the client sees the connection end, as it would on the engine's own socket.
  const finish = (): void => {
    client.end(bytes);
  };
  engine.on('data', take);
  engine.on('end', finish);
}

interface AnswerHead {
  readonly takesOver: boolean;
  readonly text: string;
  readonly length_bytes: number | undefined;
  readonly isChunked: boolean;
}

function parseHead(head: Buffer): AnswerHead {
  const text = head.toString('latin1');
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? Number.NaN);
  const length = /\r\ncontent-length:[ \t]*(\d+)/i.exec(text)?.[1];
  const isChunked = /\r\ntransfer-encoding:[^\r\n]*chunked/i.test(text);
  const isBodiless = status === 204 || status === 304;
  return {
    takesOver: status === 101 || (status === 200 && length === undefined && !isChunked),
    text,
    length_bytes: isBodiless ? 0 : length === undefined ? undefined : Number(length),
    isChunked,
  };
}

function sendLast(client: Socket, engine: Socket, answer: AnswerHead, rest: Buffer): void {
  const withoutConnection = answer.text.replace(/\r\n(?:connection|keep-alive):[^\r\n]*/gi, '');
  client.write(withoutConnection.replace(/\r\n\r\n$/, '\r\nConnection: close\r\n\r\n'), 'latin1');
  let left_bytes = answer.length_bytes ?? Number.POSITIVE_INFINITY;
  const relay = (chunk: Buffer): void => {
    if (!client.write(chunk)) {
      engine.pause();
      client.once('drain', () => engine.resume());
    }
    left_bytes -= chunk.length;
    if (left_bytes <= 0 || (answer.isChunked && LAST_CHUNK.test(chunk.toString('latin1')))) {
      client.end();
      engine.destroy();
    }
  };
  engine.on('data', relay);
  engine.on('end', () => client.end());
  relay(rest);
  engine.resume();
}
