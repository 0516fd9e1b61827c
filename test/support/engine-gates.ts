// SPDX-License-Identifier: Apache-2.0
// The ways from managers to their engines, on which a test holds one call: before the engine has it, or before its answer comes back.
// Whoever asked is then known to be just there, for as long as the test likes.
import { existsSync } from 'node:fs';
import { createServer, connect, type Server, type Socket } from 'node:net';
import path from 'node:path';
import type { Engine } from './engine.ts';
import { waitFor } from './wait-for.ts';

const caught_ms_max = 60_000;

export interface HeldCall {
  /** Of the request's first line, as `POST /v1.41/services/x/update?version=12`. */
  readonly what: RegExp;
  /** `request`: the engine never hears of it unless it is released. `answer`: it has done what it was asked. */
  readonly hold: 'request' | 'answer';
  /** How many such calls an engine is let answer before. Default 0. */
  readonly let?: (engine: Engine) => number;
  /** Whether a call of that one is not the one that is waited for: its engine never hears of it. */
  readonly isInVain?: (engine: Engine) => boolean;
}

/** A call that was waited for and has come. */
export interface CaughtCall {
  readonly engine: Engine;
}

interface Trap extends HeldCall {
  readonly passed: Map<Engine, number>;
  caught: CaughtCall | undefined;
}

export class EngineGates {
  readonly #servers = new Map<Engine, Server>();
  readonly #connections = new Set<Connection>();
  #trap: Trap | undefined;

  /** Opens the way to an engine; resolves to the socket that leads there. */
  async open(engine: Engine): Promise<string> {
    const socket = path.join(engine.directory, 'gate.sock');
    const server = createServer({ allowHalfOpen: true }, (client) => {
      const connection = new Connection(client, engine.socket, (line) => this.#judge(engine, line));
      this.#connections.add(connection);
      client.once('close', () => this.#connections.delete(connection));
    });
    this.#servers.set(engine, server);
    server.listen(socket);
    await waitFor(() => existsSync(socket), { what: `the way to ${engine.box.name} to be open` });
    return socket;
  }

  /**
   * From now on such calls are held on any of the ways, instead of those that were to be held before. What is held stays so until
   * `release`, or until whoever asked is no more. The returned function resolves when the first one has come.
   */
  catch(call: HeldCall): () => Promise<CaughtCall> {
    const trap: Trap = { ...call, passed: new Map(), caught: undefined };
    this.#trap = trap;
    return async () =>
      waitFor(() => trap.caught, { what: `a call ${call.what.source}`, timeout_ms: caught_ms_max });
  }

  /** Lets go what is held, and holds nothing more. */
  release(): void {
    this.#trap = undefined;
    this.#connections.forEach((connection) => connection.release());
  }

  async close(): Promise<void> {
    this.#connections.forEach((connection) => connection.destroy());
    await Promise.all(
      [...this.#servers.values()].map(
        async (server) => new Promise<void>((resolve) => server.close(() => resolve())),
      ),
    );
  }

  /** Whether a call with this first line is to be held, and what is to be told when it is. */
  #judge(engine: Engine, line: string): Held | undefined {
    const trap = this.#trap;
    if (trap === undefined || !trap.what.test(line)) {
      return undefined;
    }
    const passed = trap.passed.get(engine) ?? 0;
    if (passed < (trap.let?.(engine) ?? 0)) {
      trap.passed.set(engine, passed + 1);
      return undefined;
    }
    if (trap.isInVain?.(engine) === true) {
      return { side: 'request', told: () => undefined };
    }
    return {
      side: trap.hold,
      told: () => {
        trap.caught ??= { engine };
      },
    };
  }
}

interface Held {
  readonly side: HeldCall['hold'];
  readonly told: () => void;
}

/** One connection, with one request at a time. */
class Connection {
  readonly #client: Socket;
  readonly #engine: Socket;
  /** What has come and is not passed on. */
  #waiting: Buffer[] = [];
  #held: Held | undefined;

  constructor(client: Socket, engineSocket: string, judge: (line: string) => Held | undefined) {
    this.#client = client;
    this.#engine = connect({ path: engineSocket, allowHalfOpen: true });
    client.on('data', (chunk) => {
      this.#held ??= judge(firstLine(chunk));
      this.#pass(chunk, 'request');
    });
    this.#engine.on('data', (chunk) => this.#pass(chunk, 'answer'));
    // Who is gone does not want what it has asked for any more.
    client.once('end', () => (this.#held === undefined ? this.#engine.end() : this.destroy()));
    this.#engine.once('end', () => client.end());
    for (const socket of [client, this.#engine]) {
      socket.on('error', () => this.destroy());
      socket.once('close', () => this.destroy());
    }
  }

  release(): void {
    const [held, waiting] = [this.#held, this.#waiting];
    this.#held = undefined;
    this.#waiting = [];
    const target = held?.side === 'request' ? this.#engine : this.#client;
    waiting.forEach((chunk) => target.write(chunk));
  }

  destroy(): void {
    this.#client.destroy();
    this.#engine.destroy();
  }

  #pass(chunk: Buffer, side: HeldCall['hold']): void {
    if (this.#held?.side === side) {
      this.#waiting.push(chunk);
      this.#held.told();
    } else {
      (side === 'request' ? this.#engine : this.#client).write(chunk);
    }
  }
}

function firstLine(chunk: Buffer): string {
  return chunk.toString('latin1', 0, chunk.indexOf('\r\n'));
}
