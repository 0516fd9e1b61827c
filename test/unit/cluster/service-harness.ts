// SPDX-License-Identifier: Apache-2.0
// A manager's services on a store in memory: the real rules, without a network.
import { newAuthority, requireAuthority } from '../../../src/cluster/certificates.ts';
import { raftIdFor } from '../../../src/cluster/join-service.ts';
import { BODY, encodeBody, type JoinRequest } from '../../../src/cluster/rpc-body.ts';
import { CofferError } from '../../../src/common/index.ts';
import {
  type AuthorityObject,
  ClusterIndex,
  type ClusterObject,
  type NodeObject,
  type NodeRole,
} from '../../../src/membership/index.ts';
import { createCertificateRequest, hashTokenSecret } from '../../../src/pki/index.ts';
import { newSecretId } from '../../../src/secrets/index.ts';
import type { CallContext, PeerIdentity } from '../../../src/transport/index.ts';
import { aNode } from '../../support/cluster-objects.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import type { KeyObject } from 'node:crypto';

export const CLUSTER_ID = 'c'.repeat(25);
export const SECRET = Buffer.from('sixteen secrets!');

/** A cluster with one manager, whose id in the log is 1. */
export async function establishedStore(now_ms: number): Promise<MemoryStore> {
  const store = new MemoryStore();
  await store.propose({
    kind: 'establish-cluster',
    authority: newAuthority(CLUSTER_ID, now_ms),
    node: aNode('first', 'manager', 1),
  });
  return store;
}

export function authorityOf(store: MemoryStore): AuthorityObject {
  return requireAuthority(store.cluster);
}

export interface TokenWish {
  readonly id?: string;
  readonly role?: NodeRole;
  readonly usesLeft?: number;
  readonly expiresAt_ms?: number;
  readonly revokeOthers?: boolean;
}

export async function putToken(store: MemoryStore, wish: TokenWish = {}): Promise<void> {
  const { id = 'tokentok', role = 'worker', usesLeft = 10, revokeOthers = false } = wish;
  const { expiresAt_ms = Number.MAX_SAFE_INTEGER } = wish;
  const secretHash = hashTokenSecret(id, SECRET);
  const token = { kind: 'token', id, role, secretHash, createdAt_ms: 0, expiresAt_ms, usesLeft } as const;
  await store.propose({ kind: 'put-token', token, revokeOthers });
}

export function joinBody(key: KeyObject, change: Partial<JoinRequest> = {}): Buffer {
  return encodeBody(BODY.join, {
    tokenId: 'tokentok',
    secret: SECRET.toString('base64'),
    role: 'worker',
    request: createCertificateRequest(key),
    hostname: 'host',
    address: '',
    engineNodeId: '',
    ...change,
  });
}

export function contextOf(address = '10.0.0.9', peer?: PeerIdentity): CallContext {
  return { peer, address, signal: new AbortController().signal };
}

/** As the port knows the caller, whose certificate it has verified. */
export function peerOf(nodeId: string, role: NodeRole): PeerIdentity {
  return {
    nodeId,
    role,
    clusterId: CLUSTER_ID,
    publicKeyFingerprint: `key-of-${nodeId}`,
    notAfter_ms: 0,
    address: '10.0.0.9',
  };
}

/** A node of the state. */
export async function admitted(store: MemoryStore, role: NodeRole): Promise<NodeObject> {
  const id = newSecretId();
  const node = { ...aNode(id, role, raftIdFor(role)), id };
  await putToken(store, { id: 'admitted', role, usesLeft: 1 });
  await store.propose({ kind: 'admit-node', tokenId: 'admitted', node, at_ms: 0 });
  return node;
}

/** For `assert.rejects`: the code, and that no secret is in the sentence. */
export function refusal(code: string, sentence = /./): (thrown: unknown) => boolean {
  return (thrown) => {
    const error = CofferError.from(thrown);
    const text = `${error.message} ${error.hint ?? ''}`;
    return error.code === code && sentence.test(error.detail) && !text.includes(SECRET.toString('base64'));
  };
}

/** A state with these objects. */
export function viewOf(...objects: readonly ClusterObject[]): ClusterIndex {
  const index = new ClusterIndex();
  objects.forEach((object) => index.put(object));
  return index;
}
