// SPDX-License-Identifier: Apache-2.0
// A worker that a test plays: its certificate is a genuine one, got with a join token as any node gets it.
import { credentialsOf, type NodeIdentityFile } from '../../src/cluster/identity.ts';
import { joinThrough } from '../../src/cluster/join.ts';
import { PROTOCOL } from '../../src/cluster/authorize.ts';
import { BODY, encodeBody, type Hello } from '../../src/cluster/rpc-body.ts';
import { generateKey, parseJoinToken } from '../../src/pki/index.ts';
import { callOnce, CredentialsSource, type TlsCredentials } from '../../src/transport/index.ts';
import { joinTokenFrom } from './cluster-calls.ts';
import type { ManagerProcess } from './manager-process.ts';

export interface JoinedNode {
  readonly id: string;
  readonly identity: NodeIdentityFile;
  readonly credentials: TlsCredentials;
}

/** Joins as a worker; `engineNodeId` is what it says of its engine. */
export async function joinAsWorker(manager: ManagerProcess, engineNodeId = ''): Promise<JoinedNode> {
  const identity = await joinThrough({
    token: parseJoinToken(await joinTokenFrom(manager, { role: 'worker' })),
    manager: manager.address,
    key: generateKey(),
    address: '',
    engineNodeId,
    now_ms: Date.now(),
  });
  return { id: identity.nodeId, identity, credentials: credentialsOf(identity) };
}

/** A call of the members' protocol, as the node makes it; rejects with the refusal. */
export async function callMember(
  manager: ManagerProcess,
  { credentials, identity }: JoinedNode,
  method: string,
  body: Buffer,
): Promise<Buffer> {
  const { reply } = await callOnce({
    address: manager.address,
    protocol: PROTOCOL.member,
    credentials: new CredentialsSource(credentials),
    verification: { kind: 'member', expect: { role: 'manager', clusterId: identity.clusterId } },
    method,
    body,
    timeout_ms: 10_000,
  });
  return reply;
}

/** What it says of itself, every few seconds in earnest. */
export async function sayHello(
  manager: ManagerProcess,
  node: JoinedNode,
  said: Partial<Hello>,
): Promise<void> {
  const body = encodeBody(BODY.hello, { hostname: 'node', address: '', engineNodeId: '', ...said });
  await callMember(manager, node, 'hello', body);
}
