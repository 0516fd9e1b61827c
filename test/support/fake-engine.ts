// SPDX-License-Identifier: Apache-2.0
// An engine for what a real one cannot be made to do: it answers on a Unix socket with the secrets calls of the
// Engine API (as dockerd 20.10 does), keeps every byte that it received, and fails on demand.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { newSecretId } from '../../src/secrets/index.ts';

export interface FakeSecret {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly CreatedAt: string;
  readonly UpdatedAt: string;
  readonly Spec: {
    readonly Name: string;
    readonly Labels: Readonly<Record<string, string>>;
    readonly Driver?: { readonly Name: string };
    readonly Templating?: unknown;
  };
}

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const IDENTITY = {
  'Api-Version': '1.41',
  'Docker-Experimental': 'false',
  Ostype: 'linux',
};
const NOT_A_MANAGER =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to ' +
  'swarm and try again.';

export class FakeEngine {
  readonly directory = mkdtempSync(path.join(tmpdir(), 'coffer-engine-'));
  readonly socketPath = path.join(this.directory, 'engine.sock');
  readonly secrets = new Map<string, FakeSecret>();
  readonly seen: SeenRequest[] = [];
  swarmState: 'active' | 'inactive' | 'locked' = 'active';
  /** What it says it is. */
  server = 'Docker/20.10.24 (linux)';
  swarmId = 'swarm0000000000000000000a';
  /** What happens to a create: `500-created` does it and says 500; `lost` does it and cuts the connection. */
  createFault: 'none' | '500-created' | '500' | '500-late' | 'lost' | 'lost-before' | 'silent' = 'none';
  /** Answers instead of the API when set, for whatever it takes. */
  handler: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  /** Takes a whole connection, with its first bytes, when set. */
  onRaw: ((socket: Socket, first: Buffer) => boolean) | undefined;
  readonly eventStreams = new Set<ServerResponse>();
  #server: Server | undefined;
  readonly #http = createHttpServer({ keepAliveTimeout: 0, requestTimeout: 0, maxHeaderSize: 1 << 20 });
  readonly #sockets = new Set<Socket>();
  readonly #received: Buffer[] = [];
  #index = 10;

  constructor() {
    // As the engine, it answers a client that has shut its sending side.
    Object.assign(this.#http, { httpAllowHalfOpen: true });
    const handle: Handler = (request, response) => this.#handle(request, response);
    this.#http.on('request', handle);
    this.#http.on('clientError', (_error, socket) => socket.destroy());
  }

  async start(): Promise<this> {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#server = server;
    await new Promise<void>((resolve) => {
      server.listen(this.socketPath, resolve);
    });
    return this;
  }

  /** Goes away as a stopped engine does: its socket is closed, all connections are cut. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    if (server !== undefined) {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    }
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Whether these bytes came in, in any request, in the clear or as base64. */
  hasReceived(value: Buffer | string): boolean {
    const all = Buffer.concat(this.#received);
    return all.includes(value) || all.includes(Buffer.from(value).toString('base64'));
  }

  secret(name: string): FakeSecret | undefined {
    return [...this.secrets.values()].find((secret) => secret.Spec.Name.toLowerCase() === name.toLowerCase());
  }

  addSecret(name: string, driver?: string, labels: Readonly<Record<string, string>> = {}): FakeSecret {
    const spec = {
      Name: name,
      Labels: { ...labels },
      ...(driver === undefined ? {} : { Driver: { Name: driver } }),
    };
    return this.#store(spec);
  }

  removeSecret(id: string): void {
    this.secrets.delete(id);
    const event = { Type: 'secret', Action: 'remove', Actor: { ID: id, Attributes: { name: 'x' } } };
    for (const stream of this.eventStreams) {
      stream.write(`${JSON.stringify(event)}\n`);
    }
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.once('data', (first: Buffer) => {
      this.#received.push(Buffer.from(first));
      socket.pause();
      if (this.onRaw?.(socket, first) === true) {
        return;
      }
      socket.unshift(first);
      this.#http.emit('connection', socket);
      socket.resume();
    });
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    if (this.handler?.(request, response) === true) {
      return;
    }
    response.setHeader('Server', this.server);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(Buffer.from(chunk)));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      this.#received.push(body);
      const { method = '', url = '', rawHeaders } = request;
      this.seen.push({ method, url, rawHeaders, body });
      this.#answer(method, new URL(url, 'http://engine'), body, response);
    });
  }

  #answer(method: string, url: URL, body: Buffer, response: ServerResponse): void {
    const route = decodeURIComponent(url.pathname).replace(/^\/v[0-9.]+/, '');
    if (route === '/_ping') {
      send(response, 200, 'OK', 'text/plain; charset=utf-8');
    } else if (route === '/info') {
      send(response, 200, this.#info());
    } else if (route === '/events') {
      this.#events(response);
    } else if (!/^\/(secrets|swarm|services)/.test(route)) {
      send(response, 404, { message: 'page not found' });
    } else if (this.swarmState !== 'active') {
      send(response, 503, { message: NOT_A_MANAGER });
    } else if (route === '/swarm') {
      send(response, 200, { ID: this.swarmId });
    } else if (route === '/secrets' && method === 'GET') {
      send(response, 200, this.#list(url.searchParams.get('filters')));
    } else if (route === '/secrets/create' && method === 'POST') {
      this.#create(JSON.parse(body.toString()) as FakeSecret['Spec'], response);
    } else {
      this.#one(method, route, url, body, response);
    }
  }

  #info(): unknown {
    const isActive = this.swarmState === 'active';
    return {
      ServerVersion: '20.10.24',
      Swarm: {
        LocalNodeState: this.swarmState,
        ControlAvailable: isActive,
        NodeID: isActive ? 'node1' : '',
        ...(isActive ? { Cluster: { ID: this.swarmId } } : {}),
      },
    };
  }

  #events(response: ServerResponse): void {
    response.writeHead(200, { ...IDENTITY, 'Content-Type': 'application/json' });
    response.flushHeaders();
    this.eventStreams.add(response);
    response.on('close', () => this.eventStreams.delete(response));
    // Go ends what runs for a client as soon as that shuts its sending side.
    response.socket?.once('end', () => response.end());
  }

  #list(filters: string | null): readonly FakeSecret[] {
    const names = filters === null ? undefined : (JSON.parse(filters) as { names?: string[] }).names;
    return [...this.secrets.values()].filter(
      (secret) => names === undefined || names.includes(secret.Spec.Name),
    );
  }

  #create(spec: FakeSecret['Spec'], response: ServerResponse): void {
    const carryOut = (): FakeSecret => this.#store(spec);
    if (this.secret(spec.Name) !== undefined) {
      const message = `rpc error: code = AlreadyExists desc = secret ${spec.Name} already exists`;
      send(response, 409, { message });
      return;
    }
    switch (this.createFault) {
      case 'none':
        send(response, 201, { ID: carryOut().ID });
        break;
      case '500-created':
        carryOut();
        send(response, 500, {
          message: 'rpc error: code = DeadlineExceeded desc = context deadline exceeded',
        });
        break;
      case '500':
        send(response, 500, { message: 'rpc error: code = Unknown desc = plugin "coffer" not found' });
        break;
      case '500-late':
        send(response, 500, {
          message: 'rpc error: code = DeadlineExceeded desc = context deadline exceeded',
        });
        break;
      case 'lost':
        carryOut();
        response.socket?.destroy();
        break;
      case 'lost-before':
        response.socket?.destroy();
        break;
      case 'silent':
        break;
    }
  }

  #one(method: string, route: string, url: URL, body: Buffer, response: ServerResponse): void {
    const reference = route.split('/')[2] ?? '';
    const secret = this.secrets.get(reference) ?? this.secret(reference);
    if (secret === undefined) {
      send(response, 404, { message: `secret ${reference} not found` });
    } else if (method === 'DELETE') {
      this.secrets.delete(secret.ID);
      send(response, 204, undefined);
    } else if (method === 'POST') {
      this.#update(secret, url, JSON.parse(body.toString()) as FakeSecret['Spec'], response);
    } else {
      send(response, 200, secret);
    }
  }

  #update(secret: FakeSecret, url: URL, spec: FakeSecret['Spec'], response: ServerResponse): void {
    if (Number(url.searchParams.get('version')) !== secret.Version.Index) {
      send(response, 500, { message: 'rpc error: code = Unknown desc = update out of sequence' });
      return;
    }
    this.#index += 1;
    const Spec = { ...secret.Spec, Labels: spec.Labels };
    this.secrets.set(secret.ID, { ...secret, Version: { Index: this.#index }, Spec });
    send(response, 200, undefined);
  }

  #store(spec: FakeSecret['Spec']): FakeSecret {
    this.#index += 1;
    const at = new Date(0).toISOString();
    const { Name, Labels, Driver } = spec;
    const Spec = { Name, Labels: Labels ?? {}, ...(Driver === undefined ? {} : { Driver }) };
    const secret = { ID: newSecretId(), Version: { Index: this.#index }, CreatedAt: at, UpdatedAt: at, Spec };
    this.secrets.set(secret.ID, secret);
    return secret;
  }
}

function send(response: ServerResponse, status: number, value: unknown, type = 'application/json'): void {
  const body = value === undefined ? '' : typeof value === 'string' ? value : `${JSON.stringify(value)}\n`;
  const content = status === 204 ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
  response.writeHead(status, {
    ...IDENTITY,
    ...(value === undefined ? {} : { 'Content-Type': type }),
    ...content,
  });
  response.end(body);
}
