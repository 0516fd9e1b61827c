// SPDX-License-Identifier: Apache-2.0
// What those answer to whom coffer sends by itself: the receiver of notices, and the collector of the audit log.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import path from 'node:path';
import { SyslogStream } from '../../../src/audit/syslog-stream.ts';
import { silentLogger } from '../../../src/common/index.ts';
import { Webhook } from '../../../src/notices/index.ts';
import { temporaryDirectory } from '../../support/cleanup.ts';
import { waitFor } from '../../support/wait-for.ts';
import { BrokenPromise, codes, type FuzzTarget, textSeeds } from '../target.ts';

interface Receiver {
  readonly directory: string;
  readonly port: number;
  readonly socketPath: string;
  close(): Promise<void>;
}

/** Answers each connection with these bytes as soon as something comes by it, and ends it. */
async function receiverThatSays(bytes: Buffer, place: 'tcp' | 'unix'): Promise<Receiver> {
  const directory = temporaryDirectory();
  const socketPath = path.join(directory.path, 'collector.sock');
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).once('data', () => socket.end(bytes));
  });
  server.listen(place === 'tcp' ? { port: 0, host: '127.0.0.1' } : { path: socketPath });
  await once(server, 'listening');
  const address = server.address() as AddressInfo | string;
  return {
    directory: directory.path,
    socketPath,
    port: typeof address === 'string' ? 0 : address.port,
    close: async () => {
      sockets.forEach((socket) => socket.destroy());
      await new Promise((resolve) => server.close(resolve));
      directory.remove();
    },
  };
}

/** Such an answer is a try that came to nothing, which is made again. */
class NotTaken extends Error {
  override readonly name = 'NotTaken';
}

const NOTICE = {
  event: 'changed',
  at: '2026-01-01T00:00:00Z',
  node: 'n',
  secret: 'db',
  facts: {},
} as const;
const TIMEOUT_MS = 5_000;
const TAKEN = /^HTTP\/1\.[01] 2\d\d/;

/** Node's parser skips empty lines, and answers that only announce another one. */
function saysYes(bytes: Buffer): boolean {
  const text = bytes.toString('latin1').replace(/^(?:\r?\n|HTTP\/1\.[01] 1\d\d[^]*?\r?\n\r?\n)*/, '');
  return TAKEN.test(text);
}

async function notify(bytes: Buffer): Promise<void> {
  const receiver = await receiverThatSays(bytes, 'tcp');
  const tokenFile = path.join(receiver.directory, 'token');
  writeFileSync(tokenFile, 'a token', { mode: 0o600 });
  const enough = new AbortController();
  const webhook = new Webhook({
    url: new URL(`http://127.0.0.1:${receiver.port}/`),
    tokenFile,
    logger: { ...silentLogger, warn: () => enough.abort() },
    timeout_ms: TIMEOUT_MS,
  });
  try {
    const wasTaken = await webhook.deliver(NOTICE, enough.signal);
    if (wasTaken && !saysYes(bytes)) {
      throw new BrokenPromise('a notice is taken as delivered that the receiver did not take');
    }
    if (!wasTaken) {
      throw new NotTaken();
    }
  } finally {
    await webhook.close();
    await receiver.close();
  }
}

/** Whatever a collector says is not read; that it has ended the connection is noticed. */
async function collect(bytes: Buffer): Promise<void> {
  const receiver = await receiverThatSays(bytes, 'unix');
  const stream = new SyslogStream({
    address: { transport: 'unix', path: receiver.socketPath },
    caFile: undefined,
    connect_ms: TIMEOUT_MS,
    write_ms: TIMEOUT_MS,
    monotonic_ms: () => performance.now(),
  });
  try {
    await stream.send([Buffer.from('one')]);
    await waitFor(async () => stream.send([Buffer.from('more')]).then(() => true), {
      what: 'another connection',
      interval_ms: 1,
    });
  } finally {
    stream.end();
    await receiver.close();
  }
}

/** Each input has a connection or two, which take longer than to parse. */
const COST = 40;
const MEMORY_BYTES = 4 * 1024 * 1024;

export const receiverTargets: readonly FuzzTarget[] = [
  {
    name: 'notices/answers',
    seeds: textSeeds(
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
      'HTTP/1.1 204 No Content\r\n\r\n',
      'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
      'HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n',
    ),
    refuses: (thrown) => thrown instanceof NotTaken,
    run: notify,
    words: [
      'HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\n',
      'HTTP/1.1 500 No\r\n',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: tcp\r\nConnection: upgrade\r\n\r\n',
      'Content-Encoding: br\r\n',
      'Content-Length: ',
      'Transfer-Encoding: chunked\r\n',
      'Set-Cookie: a=b\r\n',
      '\r\n\r\n',
    ],
    cost: COST,
    memory_bytes: MEMORY_BYTES,
  },
  {
    name: 'audit/collector-answers',
    seeds: textSeeds('', 'thanks\n', '<13>1 - - - - - - no\n'),
    refuses: codes('audit.unavailable'),
    run: collect,
    cost: COST,
    memory_bytes: MEMORY_BYTES,
  },
];
