// SPDX-License-Identifier: Apache-2.0
// A gateway before a fake engine and a store in memory, and the two kinds of client that the tests need.
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { EngineClient } from '../../../src/engine/index.ts';
import { createGateway, type Gateway, type GatewayOptions } from '../../../src/gateway/index.ts';
import type { StoreSource } from '../../../src/store/index.ts';
import { FakeEngine } from '../../support/fake-engine.ts';
import { MemoryStore } from '../../support/memory-store.ts';

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly text: string;
}

export interface Harness {
  readonly engine: FakeEngine;
  readonly store: MemoryStore;
  readonly gateway: Gateway;
  readonly socketPath: string;
  /** Sends one request of its own connection. */
  send(method: string, target: string, body?: unknown, headers?: readonly string[]): Promise<Answered>;
  /** A bare connection. */
  open(): Promise<RawClient>;
}

export interface HarnessOptions extends Partial<Omit<GatewayOptions, 'engine' | 'store'>> {
  readonly storeSource?: StoreSource;
}

/** Starts all of it, and ends it with the test. */
export async function startGateway(
  context: Pick<TestContext, 'after'>,
  options: HarnessOptions = {},
): Promise<Harness> {
  const engine = await new FakeEngine().start();
  const store = new MemoryStore();
  const client = new EngineClient({ socketPath: engine.socketPath, timeout_ms: 5_000 });
  const { storeSource, ...rest } = options;
  const gateway = createGateway({ engine: client, store: storeSource ?? (() => store), ...rest });
  const socketPath = path.join(engine.directory, 'gateway.sock');
  await gateway.listen(socketPath);
  context.after(async () => {
    await gateway.close();
    await engine.remove();
  });
  return {
    engine,
    store,
    gateway,
    socketPath,
    send: (method, target, body, headers) => sendTo(socketPath, method, target, body, headers),
    open: () => RawClient.open(socketPath, context),
  };
}

function sendTo(
  socketPath: string,
  method: string,
  target: string,
  body?: unknown,
  headers: readonly string[] = [],
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const content =
      text === undefined
        ? []
        : ['Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(text))];
    const sent = httpRequest({
      socketPath,
      method,
      path: target,
      agent: false,
      headers: ['Host', 'docker', ...content, ...headers],
    });
    sent.on('error', reject);
    sent.on('response', (response) => {
      let answer = '';
      response.setEncoding('latin1');
      response.on('data', (chunk: string) => {
        answer += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode: status = 0, headers: parsed, rawHeaders } = response;
        resolve({ status, headers: parsed, rawHeaders, text: answer });
      });
    });
    sent.end(text);
  });
}

/** The bytes of a create, with its value. */
export function createBody(name: string, value: string | Buffer, more: object = {}): object {
  return { Name: name, Labels: {}, Data: Buffer.from(value).toString('base64'), ...more };
}

/** A connection that speaks bytes. */
export class RawClient {
  readonly socket: Socket;
  #received = '';
  #isEnded = false;
  #isClosed = false;
  #changed = (): void => undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      this.#received += chunk;
      this.#changed();
    });
    socket.on('end', () => {
      this.#isEnded = true;
      this.#changed();
    });
    socket.on('close', () => {
      this.#isClosed = true;
      this.#changed();
    });
    socket.on('error', () => undefined);
  }

  static async open(socketPath: string, context: Pick<TestContext, 'after'>): Promise<RawClient> {
    const socket = connect({ path: socketPath, allowHalfOpen: true });
    context.after(() => socket.destroy());
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawClient(socket);
  }

  get received(): string {
    return this.#received;
  }

  write(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** Shuts the sending side. */
  halfClose(): void {
    this.socket.end();
  }

  /** Waits until the text came in. */
  has(text: string): Promise<void> {
    return this.#until(() => this.#received.includes(text), `"${text}"`);
  }

  ended(): Promise<void> {
    return this.#until(() => this.#isEnded || this.#isClosed, 'the end');
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    const late = setTimeout(() => this.socket.destroy(), 10_000);
    try {
      while (!condition()) {
        if (this.#isClosed) {
          throw new Error(`no ${what} in ${JSON.stringify(this.#received)}`);
        }
        await new Promise<void>((resolve) => {
          this.#changed = resolve;
        });
      }
    } finally {
      clearTimeout(late);
    }
  }
}

/** Waits for a condition that no event tells of. */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadline) {
      throw new Error(`${what} did not come`);
    }
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
