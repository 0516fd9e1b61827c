// SPDX-License-Identifier: Apache-2.0
// Each of the daemon's HTTP listeners, with what it stands before played, and connections that speak bytes to it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import path from 'node:path';
import { listenOnUnixSocket, silentLogger } from '../../../src/common/index.ts';
import { createPluginServer } from '../../../src/plugin/index.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { waitFor } from '../../support/wait-for.ts';
import { controlServer } from '../control/control-harness.ts';
import { startGateway } from '../gateway/gateway-harness.ts';
import { monitoringServer, startListening } from '../monitoring/monitoring-harness.ts';
import { pluginOptions } from '../plugin/plugin-harness.ts';
import { startPage } from '../ui/ui-harness.ts';

/** For a request's head, instead of five to ten seconds, where it is waited for. */
export const SHORT_MS = 2_000;
/** Where it is not, on a machine that is busy. */
const LONG_MS = 60_000;

/** As many connections as the ports hold; the sockets hold more, if this is not said to them. */
const PLACES = 64;
/** More connections than any of them holds. */
export const CROWD = PLACES + 20;

/** What ends them: a test's context. */
export interface Owner {
  after(end: () => unknown): void;
}

export interface HttpListener {
  readonly name: string;
  readonly place: NetConnectOpts;
  /** A whole request, to which the answer is 200. */
  readonly request: string;
  /** The beginning of one with a body in chunks, that is read. */
  readonly bodyRequest: string;
}

const get = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
const chunked = (line: string, ...headers: readonly string[]): string =>
  [
    `${line} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Origin: http://127.0.0.1',
    ...headers,
    'Transfer-Encoding: chunked',
    '',
    '',
  ].join('\r\n');

function directoryFor(context: Owner): string {
  const directory = mkdtempSync('/tmp/c-');
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export async function plugin(context: Owner, head_ms = LONG_MS): Promise<HttpListener> {
  const socket = path.join(directoryFor(context), 'plugin.sock');
  const store = new MemoryStore();
  const server = createPluginServer({
    ...pluginOptions(() => store, silentLogger),
    limits: { connectionsMax: PLACES, unfinished_ms: head_ms },
  });
  await listenOnUnixSocket(server, socket);
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const call = 'POST /SecretProvider.GetSecret HTTP/1.1\r\nHost: \r\n';
  return {
    name: 'the plugin socket',
    place: { path: socket },
    request: `${call}Content-Length: 2\r\n\r\n{}`,
    bodyRequest: `${call}Transfer-Encoding: chunked\r\n\r\n`,
  };
}

export async function control(context: Owner, head_ms = LONG_MS): Promise<HttpListener> {
  const socket = path.join(directoryFor(context), 'control.sock');
  const server = controlServer(new MemoryStore(), {
    limits: { connectionsMax: PLACES, headersTimeout_ms: head_ms, requestTimeout_ms: head_ms },
  });
  await server.listen(socket);
  context.after(() => server.close());
  return {
    name: 'the control socket',
    place: { path: socket },
    request: get('/v1/status'),
    bodyRequest: chunked('PUT /v1/secrets/s'),
  };
}

export async function monitoring(context: Owner, head_ms = LONG_MS): Promise<HttpListener> {
  const server = monitoringServer({ requestTimeout_ms: head_ms });
  context.after(() => server.close());
  const port = await startListening(server);
  return {
    name: 'the port for monitors',
    place: { host: '127.0.0.1', port },
    request: get('/metrics'),
    bodyRequest: chunked('POST /metrics'),
  };
}

export async function webPage(context: Owner, head_ms = LONG_MS): Promise<HttpListener> {
  const server = await startPage({ headTimeout_ms: head_ms });
  context.after(() => server.close());
  return {
    name: 'the web page',
    place: { host: '127.0.0.1', port: Number(new URL(server.address).port) },
    request: get('/'),
    bodyRequest: chunked('POST /sign-in', 'Content-Type: application/x-www-form-urlencoded'),
  };
}

export async function gateway(context: Owner): Promise<HttpListener> {
  const { socketPath } = await startGateway(context);
  return {
    name: 'the gateway',
    place: { path: socketPath },
    request: get('/v1.41/secrets'),
    bodyRequest: chunked('POST /v1.41/secrets/create', 'Content-Type: application/json'),
  };
}

/** Those that bound what the engine does not, and the gateway, which is as the engine. */
export const BOUNDED = [plugin, control, monitoring, webPage] as const;
export const LISTENERS = [...BOUNDED, gateway] as const;

/** One connection, and what has come of it. */
export class Peer {
  readonly socket: Socket;
  readonly #chunks: Buffer[] = [];
  /** The other side has ended, or cut it. */
  isOver = false;

  constructor(context: Owner, place: NetConnectOpts) {
    this.socket = connect({ ...place, allowHalfOpen: true });
    this.socket.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
    const over = (): void => {
      this.isOver = true;
    };
    this.socket.on('end', over).on('close', over);
    // One that is cut is reset where there was something to be read.
    this.socket.on('error', () => undefined);
    context.after(() => this.socket.destroy());
  }

  static async open(context: Owner, { place }: HttpListener): Promise<Peer> {
    const peer = new Peer(context, place);
    await once(peer.socket, 'connect');
    return peer;
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString('latin1');
  }

  get answers(): number {
    return this.text.split(/HTTP\/1\.1 \d{3} /).length - 1;
  }

  write(bytes: string | Uint8Array): void {
    if (!this.socket.destroyed) {
      this.socket.write(bytes);
    }
  }

  async over(what: string): Promise<this> {
    await waitFor(() => this.isOver, { what: `${what} to be cut off`, interval_ms: 5 });
    return this;
  }
}

/** An honest client's call, over a connection of its own, or over the one that it has. */
export async function isServed(context: Owner, listener: HttpListener, connection?: Peer): Promise<void> {
  const peer = connection ?? (await Peer.open(context, listener));
  const before = peer.answers;
  peer.write(listener.request);
  await waitFor(() => peer.answers > before || peer.isOver, {
    what: `an honest client of ${listener.name}`,
    interval_ms: 5,
  });
  assert.match(peer.text, /HTTP\/1\.1 200 /, listener.name);
  assert.equal(peer.answers, before + 1, listener.name);
  if (connection === undefined) {
    peer.socket.destroy();
  }
}
