// SPDX-License-Identifier: Apache-2.0
// A thousand nodes that join one manager in seconds. Joining is limited by the address that a node comes from: each has its own,
// all of them on the loopback interface.
import { once } from 'node:events';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { credentialsOf } from '../../src/cluster/identity.ts';
import { verifiedIdentity } from '../../src/cluster/join.ts';
import { PROTOCOL } from '../../src/cluster/authorize.ts';
import { BODY, decodeBody, encodeBody } from '../../src/cluster/rpc-body.ts';
import { createCertificateRequest, generateKey, parseJoinToken } from '../../src/pki/index.ts';
import { FRAME, FrameDecoder, type FrameType, parseAddress } from '../../src/transport/index.ts';
import { FRAME_HEADER_BYTES, writeFrameHeader } from '../../src/transport/frame.ts';
import { decodeResponse, encodeRequest } from '../../src/transport/rpc-frames.ts';
import type { JoinedNode } from './joined-node.ts';

const FRAME_BYTES_MAX = 1024 * 1024;
const JOIN_MS_MAX = 30_000;

export interface ManyNodesOptions {
  /** The manager's. */
  readonly address: string;
  readonly token: string;
  /** PEM of the cluster's CA. */
  readonly roots: readonly string[];
}

/** The address of the node with that number, on the loopback interface. */
export function addressOf(number: number): string {
  return `127.1.${Math.floor(number / 250)}.${1 + (number % 250)}`;
}

/** Lets the node with that number join as a worker. */
export async function joinFrom(
  number: number,
  engineNodeId: string,
  { address, roots, token }: ManyNodesOptions,
): Promise<JoinedNode> {
  const { role, secret, tokenId } = parseJoinToken(token);
  const key = generateKey();
  const request = encodeBody(BODY.join, {
    tokenId,
    secret: secret.toString('base64'),
    role,
    request: createCertificateRequest(key),
    hostname: `node-${number}`,
    address: '',
    engineNodeId,
  });
  const options: ConnectionOptions & { readonly localAddress: string } = {
    ...parseAddress(address),
    localAddress: addressOf(number),
    ALPNProtocols: [PROTOCOL.join],
    servername: 'coffer-manager',
    ca: [...roots],
    minVersion: 'TLSv1.3',
  };
  const socket = connectTls(options);
  socket.setTimeout(JOIN_MS_MAX, () => socket.destroy(new Error('the manager does not answer')));
  try {
    await once(socket, 'secureConnect');
    const reply = await answerTo(socket, encodeRequest(1, 'join', request));
    const identity = verifiedIdentity(decodeBody(BODY.identity, reply), key, roots, Date.now());
    return { id: identity.nodeId, identity, credentials: credentialsOf(identity) };
  } finally {
    socket.destroy();
  }
}

/** The reply to one call over a connection of its own. */
function answerTo(socket: TLSSocket, request: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const onFrame = (type: FrameType, payload: Buffer): void => {
      if (type === FRAME.accepted) {
        const frame = Buffer.alloc(FRAME_HEADER_BYTES + request.length);
        request.copy(frame, writeFrameHeader(frame, 0, FRAME.request, request.length));
        socket.write(frame);
      } else if (type === FRAME.response) {
        resolve(Buffer.from(decodeResponse(payload).body));
      } else {
        reject(new Error(`the manager answered with a frame of type ${type}: ${payload.toString('latin1')}`));
      }
    };
    const decoder = new FrameDecoder({ limit_bytes: FRAME_BYTES_MAX, onFrame });
    socket.on('data', (chunk: Buffer) => decoder.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the manager closed the connection')));
  });
}
