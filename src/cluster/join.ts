// SPDX-License-Identifier: Apache-2.0
// Joining a cluster, seen from the node that joins.
import { hostname } from 'node:os';
import { CofferError } from '../common/index.ts';
import {
  authorityDigest,
  checkChain,
  createCertificateRequest,
  exportKey,
  generateKey,
  type JoinToken,
} from '../pki/index.ts';
import { callOnce } from '../transport/index.ts';
import type { KeyObject } from 'node:crypto';
import { PROTOCOL } from './authorize.ts';
import type { NodeIdentityFile } from './identity.ts';
import type { MemberClient } from './member-client.ts';
import { BODY, decodeBody, encodeBody, type IssuedIdentity } from './rpc-body.ts';

const CALL_TIMEOUT_MS = 10_000;

export interface JoinOptions {
  readonly token: JoinToken;
  /** Where a manager listens. */
  readonly manager: string;
  readonly key: KeyObject;
  /** Where the managers reach this node, if it is to be one. */
  readonly address: string;
  readonly engineNodeId: string;
  readonly now_ms: number;
}

/**
 * Joins through one manager. Nothing secret is sent before the CA was compared with the digest in the token, and nothing is
 * taken that this CA has not issued for this key. Throws `cluster.digest-mismatch`, `cluster.token-*`, `transport.*`, or
 * whatever else the manager refuses with.
 */
export async function joinThrough(options: JoinOptions): Promise<NodeIdentityFile> {
  const { token, manager, key, address, engineNodeId } = options;
  const root = await pinnedRoot(manager, token);
  const { reply } = await callOnce({
    address: manager,
    protocol: PROTOCOL.join,
    credentials: undefined,
    verification: { kind: 'roots', roots: [root] },
    method: 'join',
    body: encodeBody(BODY.join, {
      tokenId: token.tokenId,
      secret: token.secret.toString('base64'),
      role: token.role,
      request: createCertificateRequest(key),
      hostname: hostname(),
      address,
      engineNodeId,
    }),
    timeout_ms: CALL_TIMEOUT_MS,
  });
  return verifiedIdentity(decodeBody(BODY.identity, reply), key, [root], options.now_ms);
}

/** What a manager has issued, once it was seen to be right; roots that come with it are trusted from then on. */
export function verifiedIdentity(
  issued: IssuedIdentity,
  key: KeyObject,
  trusted: readonly string[],
  now_ms: number,
): NodeIdentityFile {
  const { certificates, clusterId, managers, nodeId, raftId, role, roots } = issued;
  checkChain({
    chain: certificates,
    roots: trusted,
    expect: { nodeId, role, clusterId },
    publicKey: key,
    now_ms,
  });
  if ((role === 'manager') !== (raftId !== 0)) {
    throw new CofferError(
      'pki.certificate-invalid',
      'the manager has sent an identity that contradicts itself',
    );
  }
  return {
    clusterId,
    nodeId,
    role,
    raftId,
    storeMade: false,
    certificates,
    key: exportKey(key),
    roots,
    managers,
  };
}

export interface RenewOptions {
  readonly client: MemberClient;
  /** PEM of the roots that this node trusts. */
  readonly trusted: readonly string[];
  readonly now_ms: () => number;
  /** The id of the manager that is asked first. */
  readonly first?: string;
}

/**
 * What this node is now, with a certificate for a new key, from any manager: the certificate that it has already says who
 * asks. Rejects as `MemberClient.callAny` does, and with `pki.certificate-invalid` for what is not right.
 */
export async function renewThrough({
  client,
  first,
  now_ms,
  trusted,
}: RenewOptions): Promise<NodeIdentityFile> {
  const key = generateKey();
  const body = encodeBody(BODY.renew, { request: createCertificateRequest(key) });
  const issued = decodeBody(
    BODY.identity,
    await client.callAny('renew', body, first === undefined ? {} : { first }),
  );
  return verifiedIdentity(issued, key, trusted, now_ms());
}

async function pinnedRoot(manager: string, token: JoinToken): Promise<string> {
  const { reply } = await callOnce({
    address: manager,
    protocol: PROTOCOL.join,
    credentials: undefined,
    verification: { kind: 'none' },
    method: 'authority',
    body: encodeBody(BODY.nothing, {}),
    timeout_ms: CALL_TIMEOUT_MS,
  });
  const { roots } = decodeBody(BODY.authority, reply);
  const root = roots.find((candidate) => authorityDigest(candidate).equals(token.authorityDigest));
  if (root === undefined) {
    throw new CofferError(
      'cluster.digest-mismatch',
      `whoever answers at ${manager} is not the cluster that the join token is for`,
      { hint: 'Check the address, or take a new token from a manager. The token was not sent.' },
    );
  }
  return root;
}
