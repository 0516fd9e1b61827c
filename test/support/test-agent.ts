// SPDX-License-Identifier: Apache-2.0
// The node's end of a session with the leader, byte by byte: what an agent says and does not say is for the test to decide. All
// that it is sent is kept, to be looked through.
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import {
  type Assignment,
  type ContainerFact,
  DISPATCH_PROTOCOL,
  type Holder,
  type ManagerMessage,
  type NodeMessage,
} from '../../src/distribution/protocol.ts';
import { decodeManagerMessage } from '../../src/distribution/message-codec.ts';
import {
  FRAME,
  FrameDecoder,
  type FrameType,
  parseAddress,
  type TlsCredentials,
} from '../../src/transport/index.ts';
import { FRAME_HEADER_BYTES, writeFrameHeader } from '../../src/transport/frame.ts';

const FRAME_BYTES_MAX = 16 * 1024 * 1024;
/** The transport takes a side that sends nothing for six seconds for dead. */
const PING_MS = 2_000;
const WAIT_MS_MAX = 30_000;

export interface TestAgentOptions {
  readonly address: string;
  readonly credentials: TlsCredentials;
  /** Another protocol of the port. */
  readonly protocol?: string;
  /** Answers each assignment, as it should; default true. */
  readonly acknowledges?: boolean;
  /** Shows that it lives; default true. */
  readonly pings?: boolean;
  readonly tls?: ConnectionOptions & { readonly localAddress?: string };
  readonly onAssignment?: (assignment: Assignment) => void;
  /** Keeps all bytes that come; default true. */
  readonly keeps?: boolean;
}

export interface HeldByAgent {
  readonly name: string;
  readonly version: number;
  readonly value: Buffer;
}

export class TestAgent {
  readonly socket: TLSSocket;
  /** What it holds, as it was told, by the secret's name. */
  readonly secrets = new Map<string, HeldByAgent>();
  readonly holders = new Map<string, Holder>();
  readonly messages: ManagerMessage[] = [];
  /** Whether the first, complete assignment has come. */
  isComplete = false;
  isAccepted = false;
  isOver = false;
  /** `code: sentence`, once the manager has refused it. */
  refusal: string | undefined;
  /** The session that it was given. */
  session = '';
  /** The last sequence that came. */
  sequence = 0;
  heartbeat_ms = 0;
  readonly #options: TestAgentOptions;
  readonly #received: Buffer[] = [];
  readonly #nameOf = new Map<string, string>();
  readonly #watchers = new Set<() => void>();
  #pinging: NodeJS.Timeout | undefined;
  #beating: NodeJS.Timeout | undefined;

  private constructor(options: TestAgentOptions) {
    const { address, credentials, keeps = true, pings = true, protocol = DISPATCH_PROTOCOL, tls } = options;
    this.#options = options;
    const { host, port } = parseAddress(address);
    this.socket = connectTls({
      host,
      port,
      ALPNProtocols: [protocol],
      servername: 'coffer-manager',
      cert: credentials.certificate,
      key: credentials.key,
      ca: [...credentials.roots],
      minVersion: 'TLSv1.3',
      ...tls,
    });
    const decoder = new FrameDecoder({
      limit_bytes: FRAME_BYTES_MAX,
      onFrame: (type, payload) => this.#onFrame(type, payload),
    });
    this.socket.on('data', (chunk: Buffer) => {
      if (keeps) {
        this.#received.push(Buffer.from(chunk));
      }
      decoder.push(chunk);
      this.#look();
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.isOver = true;
      clearInterval(this.#pinging);
      clearInterval(this.#beating);
      this.#look();
    });
    if (pings) {
      this.#pinging = setInterval(() => this.sendFrame(FRAME.ping), PING_MS);
    }
  }

  /** Resolves when the manager has let it in, or turned it away. */
  static async connect(options: TestAgentOptions): Promise<TestAgent> {
    const agent = new TestAgent(options);
    const isAnswered = (): boolean => agent.isAccepted || agent.refusal !== undefined || agent.isOver;
    await agent.until(isAnswered, 'an answer to the connection');
    return agent;
  }

  /** One that has registered, and has got all that is due to it. */
  static async registered(
    options: TestAgentOptions,
    containers: readonly ContainerFact[] = [],
  ): Promise<TestAgent> {
    const agent = await TestAgent.connect(options);
    try {
      agent.register(containers);
      await agent.complete();
      return agent;
    } catch (error) {
      agent.close();
      throw error;
    }
  }

  /** All bytes that came, as they came. */
  get received(): Buffer {
    return Buffer.concat(this.#received);
  }

  /** Resolves when all that was due at the registration has come. */
  async complete(): Promise<this> {
    await this.until(() => this.isComplete || this.#failed(), 'a complete assignment');
    return this;
  }

  /** Resolves when the value is there, and is this one. */
  async holds(name: string, value: Buffer | string, timeout_ms?: number): Promise<void> {
    const wanted = Buffer.from(value);
    const isThere = (): boolean => this.secrets.get(name)?.value.equals(wanted) === true || this.#failed();
    await this.until(isThere, `secret ${name} on a node`, timeout_ms);
  }

  /** Resolves when it was told to wipe the secret. */
  async lost(name: string, timeout_ms?: number): Promise<void> {
    await this.until(() => !this.secrets.has(name) || this.#failed(), `secret ${name} to go`, timeout_ms);
  }

  /** Resolves to the refusal, if there was one, once the connection is over. */
  async over(timeout_ms?: number): Promise<string> {
    await this.until(() => this.isOver, 'the end of a connection', timeout_ms);
    return this.refusal ?? 'closed without a word';
  }

  /** Resolves when `condition` holds, which is looked at whenever something comes. What it throws is an end as well. */
  until(condition: () => boolean, what: string, timeout_ms = WAIT_MS_MAX): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (how: () => void): void => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        how();
      };
      const look = (): void => {
        try {
          if (condition()) {
            settle(resolve);
          }
        } catch (error) {
          settle(() => reject(error));
        }
      };
      const timer = setTimeout(() => {
        settle(() => reject(new Error(`waited ${timeout_ms} ms for ${what}`)));
      }, timeout_ms);
      this.#watchers.add(look);
      look();
    });
  }

  register(containers: readonly ContainerFact[] = []): void {
    this.send({ kind: 'register', facts: { containers } });
  }

  report(containers: readonly ContainerFact[] = []): void {
    this.send({ kind: 'report', session: this.session, facts: { containers } });
  }

  heartbeat(): void {
    this.send({ kind: 'heartbeat', session: this.session });
  }

  acknowledge(): void {
    this.send({ kind: 'acknowledge', session: this.session, sequence: this.sequence });
  }

  send(message: NodeMessage): void {
    this.sendFrame(FRAME.data, Buffer.from(JSON.stringify(message)));
  }

  /** One message, whatever it is. */
  sendRaw(payload: Buffer | string): void {
    this.sendFrame(FRAME.data, Buffer.from(payload));
  }

  sendFrame(type: FrameType, payload: Buffer = Buffer.alloc(0)): boolean {
    const frame = Buffer.alloc(FRAME_HEADER_BYTES + payload.length);
    payload.copy(frame, writeFrameHeader(frame, 0, type, payload.length));
    return this.write(frame);
  }

  /** False when the bytes wait. */
  write(bytes: Buffer): boolean {
    return !this.socket.destroyed && this.socket.write(bytes);
  }

  /** Cuts the connection. */
  close(): void {
    this.socket.destroy();
  }

  #look(): void {
    [...this.#watchers].forEach((look) => look());
  }

  /** An end of the session is an end of waiting. */
  #failed(): false {
    if (this.isOver) {
      throw new Error(`the session is over: ${this.refusal ?? 'closed without a word'}`);
    }
    return false;
  }

  #onFrame(type: FrameType, payload: Buffer): void {
    if (type === FRAME.accepted) {
      this.isAccepted = true;
    } else if (type === FRAME.refused) {
      const { code, detail } = JSON.parse(payload.toString()) as { code: string; detail: string };
      this.refusal = `${code}: ${detail}`;
    } else if (type === FRAME.data) {
      const message = decodeManagerMessage(payload);
      if (this.#options.keeps ?? true) {
        this.messages.push(message);
      }
      this.#take(message);
    }
  }

  #take(message: ManagerMessage): void {
    if (message.kind === 'registered') {
      this.session = message.session;
      this.heartbeat_ms = message.heartbeat_ms;
      if (this.#options.pings ?? true) {
        this.#beating = setInterval(() => this.heartbeat(), message.heartbeat_ms * (0.9 + Math.random() / 5));
      }
      return;
    }
    message.changes.forEach((change) => {
      switch (change.kind) {
        case 'put-secret':
          this.#nameOf.set(change.secretId, change.name);
          this.secrets.set(change.name, change);
          break;
        case 'remove-secret':
          this.secrets.delete(this.#nameOf.get(change.secretId) ?? '');
          break;
        case 'put-holder':
          this.holders.set(change.holder.key, change.holder);
          break;
        case 'remove-holder':
          this.holders.delete(change.key);
          break;
      }
    });
    this.sequence = message.sequence;
    this.#options.onAssignment?.(message);
    if (!message.more) {
      this.isComplete = true;
      if (this.#options.acknowledges ?? true) {
        this.acknowledge();
      }
    }
  }
}
