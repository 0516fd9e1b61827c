// SPDX-License-Identifier: Apache-2.0
// What a manager answers to strangers: who the cluster's CA is, and, for a join token, a certificate.
import type { KeyObject } from 'node:crypto';
import { CofferError, type Logger, TokenBuckets } from '../common/index.ts';
import { checkToken, type ClusterView, type NodeObject, type NodeRole } from '../membership/index.ts';
import { publicKeyFingerprint, publicKeyOfRequest, tokenSecretMatches } from '../pki/index.ts';
import { newSecretId } from '../secrets/index.ts';
import { newRaftId, type SecretStore } from '../store/index.ts';
import { type CallContext, callOnce, parseAddress, type RpcMethod } from '../transport/index.ts';
import { PROTOCOL } from './authorize.ts';
import { chainOf, issueFor, requireAuthority, rootsOf } from './certificates.ts';
import { managerContacts } from './contacts.ts';
import { BODY, decodeBody, encodeBody, type IssuedIdentity, type JoinRequest } from './rpc-body.ts';

const DIAL_BACK_MS = 5_000;
/** Attempts to join of one address: this many at once, and one more every few seconds. */
const JOIN_BURST = 10;
const JOIN_REFILL_MS = 2_000;

export interface JoinServiceOptions {
  readonly clusterId: string;
  /** Throws while this node is no manager that serves. */
  readonly store: () => SecretStore;
  readonly now_ms: () => number;
  readonly logger: Logger;
}

/** The methods of `PROTOCOL.join` on a manager. */
export class JoinService {
  readonly #options: JoinServiceOptions;
  readonly #buckets: TokenBuckets;

  constructor(options: JoinServiceOptions) {
    this.#options = options;
    this.#buckets = new TokenBuckets({
      burst: JOIN_BURST,
      refill_ms: JOIN_REFILL_MS,
      now_ms: options.now_ms,
    });
  }

  readonly methods: Readonly<Record<string, RpcMethod>> = {
    authority: async () => {
      const authority = requireAuthority(this.#options.store().cluster);
      return encodeBody(BODY.authority, { roots: [...rootsOf(authority)] });
    },
    join: async (body, context) => {
      const { logger } = this.#options;
      this.#buckets.take(context.address, 'attempts to join from this address');
      try {
        const identity = await this.#join(decodeBody(BODY.join, body), context);
        logger.info('a node has joined', {
          node: identity.nodeId,
          role: identity.role,
          from: context.address,
        });
        return encodeBody(BODY.identity, identity);
      } catch (thrown) {
        const { code, detail } = CofferError.from(thrown);
        logger.warn('a node was not let in', { from: context.address, code, reason: detail });
        throw thrown;
      }
    },
  };

  async #join(request: JoinRequest, { address }: CallContext): Promise<IssuedIdentity> {
    const { now_ms } = this.#options;
    const store = this.#options.store();
    const publicKey = publicKeyOfRequest(request.request);
    this.#checkSecret(store.cluster, request);
    const before = store.cluster.nodeByKey(publicKeyFingerprint(publicKey));
    if (before !== undefined) {
      // The answer to an earlier attempt was lost.
      return this.#identityOf(store.cluster, before);
    }
    checkToken(store.cluster, request.tokenId, request.role, now_ms());
    if (request.role === 'manager') {
      await dialBack(request.address, publicKey, address);
    }
    const node = this.#nodeFor(store.cluster, request, publicKey);
    await store.propose({ kind: 'admit-node', tokenId: request.tokenId, node, at_ms: now_ms() });
    return this.#identityOf(store.cluster, store.cluster.node(node.id) ?? node);
  }

  #checkSecret(view: ClusterView, { role, secret, tokenId }: JoinRequest): void {
    const token = view.token(tokenId);
    const bytes = Buffer.from(secret, 'base64');
    if (token === undefined || token.role !== role || !tokenSecretMatches(token.secretHash, tokenId, bytes)) {
      throw new CofferError(
        'cluster.token-invalid',
        'the cluster does not know this join token, or no longer',
        {
          hint: `On a manager, docker coffer join-token ${role} makes a new one.`,
        },
      );
    }
  }

  #nodeFor(view: ClusterView, request: JoinRequest, publicKey: KeyObject): NodeObject {
    const { clusterId, now_ms } = this.#options;
    const { address, engineNodeId, hostname, role } = request;
    const nodeId = newSecretId();
    return {
      kind: 'node',
      id: nodeId,
      role,
      raftId: raftIdFor(role),
      leaving: 'no',
      hostname,
      address: role === 'manager' ? address : '',
      engineNodeId,
      joinedAt_ms: now_ms(),
      certificate: issueFor(view, { nodeId, role, clusterId }, publicKey, now_ms()),
    };
  }

  #identityOf(view: ClusterView, node: NodeObject): IssuedIdentity {
    const authority = requireAuthority(view);
    return {
      clusterId: this.#options.clusterId,
      nodeId: node.id,
      role: node.role,
      raftId: node.raftId,
      certificates: [...chainOf(authority, node.certificate)],
      roots: [...rootsOf(authority)],
      managers: [...managerContacts(view)],
    };
  }
}

export function raftIdFor(role: NodeRole): number {
  return role === 'manager' ? newRaftId() : 0;
}

/**
 * Calls the joiner where it says that the managers can reach it. Whoever answers must have the key that the certificate
 * is for: another machine at that address would make of the new manager a vote that can never be had.
 */
async function dialBack(address: string, publicKey: KeyObject, from: string): Promise<void> {
  const problem = (why: string): CofferError =>
    new CofferError(
      'cluster.address-unreachable',
      `the manager cannot reach the new node at ${address} (it calls from ${from}): ${why}`,
      { hint: 'Set COFFER_ADVERTISE on the new node to an address at which the managers reach its port.' },
    );
  let answered: string;
  try {
    parseAddress(address);
    const { server } = await callOnce({
      address,
      protocol: PROTOCOL.join,
      credentials: undefined,
      verification: { kind: 'none' },
      method: 'echo',
      body: encodeBody(BODY.nothing, {}),
      timeout_ms: DIAL_BACK_MS,
    });
    answered = server.publicKeyFingerprint;
  } catch (thrown) {
    throw problem(CofferError.from(thrown).detail);
  }
  if (answered !== publicKeyFingerprint(publicKey)) {
    throw problem('another node answers there');
  }
}
