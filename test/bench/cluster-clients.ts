// SPDX-License-Identifier: Apache-2.0
// The clients of the benchmark of clusters: of one make, whatever they speak to. Each keeps one connection, and has one
// request at a time on it.
import { type ClientHttp2Session, connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { connect } from 'node:net';
import { unreachable } from '../../src/common/index.ts';
import { bodyOf, HttpConnection } from './raft-http.ts';

/** TLS, as PEM. */
export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A member of a cluster, as a client reaches it. */
export type Target =
  | { readonly kind: 'etcd'; readonly port: number; readonly tls: TlsFiles }
  | { readonly kind: 'swarm'; readonly socket: string }
  | { readonly kind: 'coffer'; readonly controlSocket: string; readonly pluginSocket: string };

export interface Client {
  /** Stores a value under a name that is new. */
  readonly write: (name: string, value: Buffer) => Promise<unknown>;
  /** Reads what is stored under a name, and sees all that was acknowledged before. `index` is another one in each call. */
  readonly read: (name: string, index: number) => Promise<unknown>;
  readonly close: () => void;
}

/** Connects to a member. */
export async function openClient(target: Target): Promise<Client> {
  switch (target.kind) {
    case 'etcd':
      return etcdClient(target.port, target.tls);
    case 'swarm':
      return swarmClient(target.socket);
    case 'coffer':
      return cofferClient(target.controlSocket, target.pluginSocket);
    default:
      return unreachable(target);
  }
}

function openUnix(socketPath: string): Promise<HttpConnection> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath, () => resolve(new HttpConnection(socket)));
    socket.once('error', reject);
  });
}

async function swarmClient(socket: string): Promise<Client> {
  const connection = await openUnix(socket);
  const headers = { 'Content-Type': 'application/json' };
  return {
    write: async (name, value) => {
      const body = JSON.stringify({ Name: name, Labels: {}, Data: value.toString('base64') });
      const request = { method: 'POST', path: '/v1.41/secrets/create', headers, body };
      return bodyOf(await connection.request(request), 201);
    },
    read: () => Promise.reject(new Error('Swarm gives no value of a secret')),
    close: () => connection.close(),
  };
}

async function cofferClient(controlSocket: string, pluginSocket: string): Promise<Client> {
  const control = await openUnix(controlSocket);
  const plugin = await openUnix(pluginSocket);
  return {
    write: async (name, value) => {
      const path = `/v1/secrets/${name}?expect=always`;
      return bodyOf(
        await control.request({ method: 'PUT', path, headers: { Host: 'coffer' }, body: value }),
        201,
      );
    },
    read: async (name, index) => {
      // For a task that asks for the first time; what it got is written down afterwards.
      const task = `task${String(index).padStart(21, '0')}`;
      const body = JSON.stringify({
        SecretName: name,
        ServiceName: 'web',
        TaskID: task,
        TaskName: `web.1.${task}`,
      });
      return bodyOf(await plugin.request({ method: 'POST', path: '/SecretProvider.GetSecret', body }), 200);
    },
    close: () => {
      control.close();
      plugin.close();
    },
  };
}

/**
 * gRPC over HTTP/2, as etcd's own clients speak (rpc.proto of etcd 3.4): its gateway for JSON would be half of what
 * is measured.
 */
async function etcdClient(port: number, tls: TlsFiles): Promise<Client> {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { ...tls, minVersion: 'TLSv1.3' });
  await new Promise<void>((resolve, reject) => {
    session.once('connect', () => resolve());
    session.once('error', reject);
  });
  session.on('error', () => undefined);
  return {
    write: (name, value) =>
      callGrpc(session, '/etcdserverpb.KV/Put', [field(1, Buffer.from(name)), field(2, value)]),
    // A range of one key; linearizable unless asked otherwise.
    read: (name) => callGrpc(session, '/etcdserverpb.KV/Range', [field(1, Buffer.from(name))]),
    close: () => session.destroy(),
  };
}

/** A field of bytes in a protobuf message. */
function field(number: number, bytes: Buffer): Buffer {
  const head = [(number << 3) | 2];
  let length = bytes.length;
  for (; length > 0x7f; length >>>= 7) {
    head.push((length & 0x7f) | 0x80);
  }
  return Buffer.concat([Buffer.from([...head, length]), bytes]);
}

function callGrpc(session: ClientHttp2Session, path: string, fields: readonly Buffer[]): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const message = Buffer.concat(fields);
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const chunks: Buffer[] = [];
    let status: string | string[] | undefined;
    // In the head where the call came to nothing.
    stream.on('response', (headers) => (status ??= headers['grpc-status']));
    stream.on('trailers', (trailers: IncomingHttpHeaders) => (status ??= trailers['grpc-status']));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('close', () => {
      if (status === '0') {
        resolve(Buffer.concat(chunks).subarray(5));
      } else {
        reject(new Error(`${path} ended with gRPC status ${String(status)}`));
      }
    });
    stream.end(Buffer.concat([prefix, message]));
  });
}
