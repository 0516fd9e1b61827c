// SPDX-License-Identifier: Apache-2.0
// A cluster's authority, and listeners and clients that end with the test.
import type { TestContext } from 'node:test';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { type CofferError, type Logger, silentLogger } from '../../../src/common/index.ts';
import {
  CredentialsSource,
  type ExpectedIdentity,
  FRAME,
  FrameDecoder,
  type FrameType,
  formatAddress,
  identityMismatch,
  Listener,
  type ListenerOptions,
  MessageLink,
  type MessageLinkOptions,
  messageHandler,
  type PeerIdentity,
  type Protocol,
  RpcClient,
  type RpcClientOptions,
  rpcHandler,
  streamHandler,
  type TlsCredentials,
} from '../../../src/transport/index.ts';
import { TestAuthority } from '../../support/test-certificates.ts';
import { waitFor } from '../../support/wait-for.ts';

export const CLUSTER = 'cluster-1';
export const EXPECT_M1: ExpectedIdentity = { nodeId: 'm1', clusterId: CLUSTER, role: 'manager' };

/** One authority for all tests of a file: each leaf costs two processes. */
let known: TestAuthority | undefined;
const leaves = new Map<string, TlsCredentials>();

export function authority(): TestAuthority {
  known ??= new TestAuthority(CLUSTER);
  return known;
}

/** The credentials of a node of `authority()`, the same each time. */
export function leafOf(nodeId: string, unit = 'coffer-manager'): TlsCredentials {
  const key = `${nodeId} ${unit}`;
  const leaf = leaves.get(key) ?? authority().leaf(nodeId, { unit });
  leaves.set(key, leaf);
  return leaf;
}

export function removeAuthority(): void {
  known?.remove();
  known = undefined;
  leaves.clear();
}

/** Lets in the managers of the cluster. */
export function managersOnly(peer: PeerIdentity): CofferError | undefined {
  return identityMismatch(peer, { clusterId: CLUSTER, role: 'manager' });
}

/** What the handlers of `protocolsOfAllKinds` have been called with. */
export interface Calls {
  readonly messages: { readonly from: string; readonly payload: Buffer }[];
  readonly calls: { readonly from: string | undefined; readonly body: Buffer }[];
  readonly streams: { readonly from: string; readonly header: string; bytes: number }[];
}

export function noCalls(): Calls {
  return { messages: [], calls: [], streams: [] };
}

/** `raft/1`, `rpc/1` and `stream/1` for members, `join/1` for strangers. */
export function protocolsOfAllKinds(calls: Calls): readonly Protocol[] {
  const echo = rpcHandler({
    logger: silentLogger,
    methods: {
      echo: (body, { peer }) => {
        calls.calls.push({ from: peer?.nodeId, body: Buffer.from(body) });
        return Promise.resolve(Buffer.from(body));
      },
    },
  });
  return [
    {
      name: 'raft/1',
      policy: 'member',
      handler: messageHandler({
        message_bytes: 8 * 1024 * 1024,
        onMessage: (peer, payload) => {
          calls.messages.push({ from: peer.nodeId, payload: Buffer.from(payload) });
        },
      }),
    },
    { name: 'rpc/1', policy: 'member', handler: echo },
    {
      name: 'stream/1',
      policy: 'member',
      handler: streamHandler({
        receive: async (peer, header, chunks) => {
          const stream = { from: peer.nodeId, header: header.toString(), bytes: 0 };
          calls.streams.push(stream);
          for await (const chunk of chunks) {
            stream.bytes += chunk.length;
          }
        },
      }),
    },
    { name: 'join/1', policy: 'stranger', handler: echo },
  ];
}

export interface TestListener {
  readonly listener: Listener;
  readonly address: string;
  readonly port: number;
  readonly credentials: CredentialsSource;
}

/** A listener of node m1 on the loopback, closed after the test. */
export async function listen(
  t: TestContext,
  protocols: readonly Protocol[],
  options: Partial<ListenerOptions> & { readonly port?: number } = {},
): Promise<TestListener> {
  const credentials = options.credentials ?? new CredentialsSource(leafOf('m1'));
  const listener = new Listener({
    protocols,
    authorize: managersOnly,
    logger: silentLogger,
    ...options,
    credentials,
  });
  const bound = await listener.listen({ host: '127.0.0.1', port: options.port ?? 0 });
  t.after(() => listener.close());
  return { listener, address: formatAddress(bound), port: bound.port, credentials };
}

/** A link from m2 to m1, closed after the test. */
export function openLink(
  t: TestContext,
  address: string | (() => string),
  options: Partial<MessageLinkOptions> = {},
): MessageLink {
  const link = new MessageLink({
    address: typeof address === 'string' ? () => address : address,
    protocol: 'raft/1',
    credentials: new CredentialsSource(leafOf('m2')),
    expect: EXPECT_M1,
    logger: silentLogger,
    random: () => 0.5,
    ...options,
  });
  t.after(() => link.close());
  return link;
}

/** A client of m2, closed after the test. */
export function openClient(
  t: TestContext,
  address: string,
  options: Partial<RpcClientOptions> = {},
): RpcClient {
  const client = new RpcClient({
    address: () => address,
    protocol: 'rpc/1',
    credentials: new CredentialsSource(leafOf('m2')),
    verification: { kind: 'member', expect: EXPECT_M1 },
    ...options,
  });
  t.after(() => client.close());
  return client;
}

export interface ReceivedFrame {
  readonly type: FrameType;
  readonly payload: Buffer;
}

/** A TLS client that does what no coffer would. */
export class RawPeer {
  readonly socket: TLSSocket;
  readonly frames: ReceivedFrame[] = [];
  isOver = false;
  error: Error | undefined;

  constructor(
    t: TestContext,
    port: number,
    protocol: string,
    options: ConnectionOptions & { readonly localAddress?: string } = {},
  ) {
    this.socket = connectTls({
      host: '127.0.0.1',
      port,
      ALPNProtocols: [protocol],
      servername: 'coffer-manager',
      rejectUnauthorized: false,
      minVersion: 'TLSv1.3',
      ...options,
    });
    const decoder = new FrameDecoder({
      limit_bytes: 16 * 1024 * 1024,
      onFrame: (type, payload) => void this.frames.push({ type, payload: Buffer.from(payload) }),
    });
    this.socket.on('data', (chunk: Buffer) => decoder.push(chunk));
    this.socket.on('error', (error: Error) => {
      this.error = error;
    });
    this.socket.on('close', () => {
      this.isOver = true;
    });
    t.after(() => this.socket.destroy());
  }

  static member(
    t: TestContext,
    port: number,
    protocol: string,
    { certificate, key }: TlsCredentials = leafOf('m2'),
    options: ConnectionOptions = {},
  ): RawPeer {
    return new RawPeer(t, port, protocol, { cert: certificate, key, ...options });
  }

  async accepted(): Promise<this> {
    await waitFor(() => this.frames.some(({ type }) => type === FRAME.accepted), {
      what: 'a connection to be accepted',
      interval_ms: 5,
    });
    return this;
  }

  async over(): Promise<this> {
    await waitFor(() => this.isOver, { what: 'a connection to be over', interval_ms: 5, timeout_ms: 30_000 });
    return this;
  }

  /** The refusal that came, as it was written. */
  get refusal(): string | undefined {
    return this.frames.find(({ type }) => type === FRAME.refused)?.payload.toString();
  }
}

/** Keeps what is logged. */
export function recordingLogger(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const record = (sentence: string, fields: object = {}): void =>
    void lines.push(`${sentence} ${JSON.stringify(fields)}`);
  return { lines, logger: { debug: record, info: record, warn: record, error: record } };
}

/** A promise with its handles, for handlers that wait for the test. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened: promise, open };
}
